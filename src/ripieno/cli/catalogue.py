"""Every command: its name, what it is for, where it is found. Both the help and the parser read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["COMMANDS", "GROUPS", "Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, or a noun with commands of its own."""

    name: str
    about: str
    """One line, in the imperative."""
    target: str = ""
    """`module:function` under `ripieno.cli`; empty for a noun."""
    children: tuple[Entry, ...] = ()
    group: str = ""


GROUPS: Final = ("Begin", "Run", "Look", "Define", "Trust and care")

COMMANDS: Final = (
    Entry(
        "demo",
        "Show it all in under a minute: no key, no service, no question.",
        "demo.story:demo",
        group="Begin",
    ),
    Entry("init", "Write a small workflow of your own that runs.", "init:init", group="Begin"),
    Entry("run", "Run a workflow for a file, or for every file of a folder.", "run:run", group="Run"),
    Entry("worker", "Serve the runs of the data folder until interrupted.", "worker:worker", group="Run"),
    Entry("serve", "Let others reach workflows and tasks by a protocol.", "serve:serve", group="Run"),
    Entry(
        "inbox",
        "What waits for a person.",
        children=(
            Entry("list", "List the tasks that wait.", "task_list:list_tasks"),
            Entry("show", "Show a task with its evidence and form.", "inbox:show_task"),
            Entry("answer", "Answer a task by its form.", "inbox:answer_task"),
            Entry("approve", "Let the work go on.", "inbox:approve_task"),
            Entry("reject", "Decline; the run ends as escalated.", "inbox:reject_task"),
            Entry("claim", "Take a task, so that others leave it to you.", "holding:claim_task"),
            Entry("release", "Give a task back.", "holding:release_task"),
            Entry("delegate", "Let another person do it for you.", "holding:delegate_task"),
            Entry("reassign", "Give a task to another role or person for good.", "holding:reassign_task"),
            Entry("reassign-all", "Reassign every task that fits.", "holding:reassign_all_tasks"),
            Entry("comment", "Add a remark to a task.", "holding:comment_task"),
            Entry(
                "away",
                "Who is out of office, and who has their tasks.",
                children=(
                    Entry("set", "Let somebody else have your tasks while you are away.", "away:set_away"),
                    Entry("list", "List who is away, or will be.", "away:list_away"),
                    Entry("clear", "Be back.", "away:clear_away"),
                ),
            ),
        ),
        group="Run",
    ),
    Entry(
        "runs",
        "What ran, what runs, and what became of it.",
        children=(
            Entry("list", "List runs, newest first.", "runs.listing:list_runs"),
            Entry("show", "Show a run: outcome, steps, choices, effects, questions.", "runs.show:show_run"),
            Entry("events", "Show the log of a run.", "runs.events:show_events"),
            Entry("why", "Show where an argument of a call came from.", "runs.why:show_why"),
            Entry("watch", "Follow a run until it ends.", "runs.watch:watch_run"),
            Entry("pause", "Let a run begin nothing new.", "runs.steering:pause_run"),
            Entry("resume", "Take up what was paused, interrupted or blocked.", "runs.control:resume_run"),
            Entry("cancel", "End a run; what it has begun is recorded first.", "runs.control:cancel_run"),
            Entry("mode", "Change who acts: a person, the participant, or both.", "modes:set_run_mode"),
            Entry("skip", "End a step with a result of yours.", "runs.steering:skip_step"),
            Entry("answer", "Answer in the stead of whoever is asked.", "runs.steering:answer_runs"),
            Entry("limit", "Set another limit.", "runs.limits:limit_run"),
            Entry("signal", "Give a word that a chat waits for.", "runs.signals:signal_run"),
            Entry("retry", "Run again what failed, and nothing else.", "runs.steering:retry_run"),
            Entry("rollback", "Take back what a run did.", "runs.rollback:roll_back_run"),
            Entry("erase", "Destroy what a run holds, for good.", "runs.erasing:erase_run"),
            Entry("fork", "Start a new run from what another has found.", "runs.versions:fork_run"),
            Entry("migrate", "Let a run go on under the workflow as it is now.", "runs.versions:migrate_run"),
        ),
        group="Look",
    ),
    Entry(
        "workflows",
        "The registered versions of workflows.",
        children=(
            Entry("list", "List workflows and their versions.", "workflows:list_workflows"),
            Entry("show", "Show a workflow as it is defined.", "workflows:show_workflow"),
            Entry("register", "Enter a workflow as it is now.", "workflows:register_workflow"),
            Entry("drain", "Let no new run of a workflow start.", "drains:drain_workflow"),
            Entry("undrain", "Let new runs start again.", "drains:undrain_workflow"),
            Entry(
                "compatible",
                "Let runs of an old version go on with a new one.",
                "workflows:declare_compatible",
            ),
            Entry("mode", "Change who acts in runs to come.", "modes:set_workflow_mode"),
            Entry(
                "deployments",
                "Show which version new runs have, and how changes went.",
                "deployments:show_deployments",
            ),
            Entry("promote", "Put a version into staging or production.", "deployments:promote_version"),
            Entry("share", "Give the version in staging a share of new runs.", "deployments:share_runs"),
            Entry("rollback", "Go back to what new runs had before.", "deployments:roll_back_workflow"),
            Entry("protect", "Let only promoted versions start.", "deployments:protect_workflow"),
            Entry("unprotect", "Let any version start again.", "deployments:unprotect_workflow"),
            Entry("agreement", "Show how often shadows agreed with people.", "modes:show_agreement"),
        ),
        group="Define",
    ),
    Entry(
        "policy",
        "What may be done, by whom, and who has to approve it.",
        children=(
            Entry("check", "Check policies as they are loaded, and list the packs.", "policy:check_policies"),
            Entry("test", "Try the tests of policies.", "policy:try_policies"),
            Entry(
                "explain",
                "Show why an act is decided so, and what would let it go on.",
                "policy_explain:explain_act",
            ),
            Entry(
                "whatif",
                "Decide again about what was done, by other policies, and show the differences.",
                "policy_whatif:compare_policies",
            ),
            Entry(
                "register",
                "Keep the policies in the log, as a version to promote.",
                "policy_versions:register_policies",
            ),
            Entry("promote", "Put a version into staging or production.", "policy_versions:promote_policies"),
            Entry(
                "share",
                "Let the version in staging decide for a share of new runs.",
                "policy_versions:share_policies",
            ),
            Entry("rollback", "Go back to what decided before.", "policy_versions:roll_back_policies"),
            Entry(
                "versions",
                "Show the versions there are, and how changes went.",
                "policy_versions:show_versions",
            ),
            Entry("show", "Show what a version says.", "policy_versions:show_policies"),
            Entry("diff", "Show what is different between two versions.", "policy_versions:compare_sets"),
        ),
        group="Define",
    ),
    Entry(
        "agents",
        "Everyone who can act, and who answers for them.",
        children=(
            Entry("list", "List every participant that is registered.", "agents:list_agents"),
            Entry("show", "Show one: versions, tools, where it runs, how it stands.", "agents:show_agent"),
            Entry("import", "Bring an agent that exists under control.", "importing:import_agent"),
            Entry("suspend", "Hold whatever it would begin.", "agents:suspend_agent"),
            Entry("resume", "Let it act again.", "agents:resume_agent"),
            Entry("retire", "Let it act no more.", "agents:retire_agent"),
        ),
        group="Trust and care",
    ),
    Entry("check", "Look for known failure modes in a workflow.", "check:check", group="Define"),
    Entry("schema", "Give the JSON Schema of workflow files, for editors.", "schema:schema", group="Define"),
    Entry(
        "budgets",
        "What may be spent in a month.",
        children=(
            Entry("set", "Set what a tenant or a team may spend in a month.", "budgets:set_one"),
            Entry("list", "List budgets with what is spent of them.", "budgets:list_budgets"),
            Entry("clear", "Let it be spent as one likes.", "budgets:clear_one"),
        ),
        group="Trust and care",
    ),
    Entry(
        "holds",
        "What may not be erased.",
        children=(
            Entry("set", "Let nothing of what is named be erased.", "holds:set_hold"),
            Entry("release", "Let it be erased again.", "holds:release_hold"),
            Entry("list", "List what is held, by whom and why.", "holds:list_holds"),
        ),
        group="Trust and care",
    ),
    Entry(
        "memory",
        "What runs remember beyond themselves.",
        children=(
            Entry("list", "List what is remembered, of whom, until when.", "memory:list_memories"),
            Entry("show", "Show one thing, and where it came from.", "memory:show_memory"),
            Entry("forget", "Let it be recalled no more.", "memory:forget_memories"),
        ),
        group="Trust and care",
    ),
    Entry(
        "documents",
        "What agents find by its words.",
        children=(
            Entry("add", "Enter files, or the files of a folder.", "documents:add_documents"),
            Entry("list", "List the documents there are.", "documents:list_documents"),
            Entry("remove", "Destroy documents.", "documents:remove_documents"),
        ),
        group="Trust and care",
    ),
    Entry(
        "tenants",
        "Those who share this data folder.",
        children=(
            Entry("pin", "Keep and serve a tenant in one region alone.", "tenants:pin"),
            Entry("unpin", "Let a tenant be in any region.", "tenants:unpin"),
            Entry("delete", "Destroy all that a tenant holds, for good.", "tenants:delete"),
        ),
        group="Trust and care",
    ),
    Entry(
        "retention",
        "For how long data is kept.",
        children=(
            Entry("set", "Say for how long a class of data is kept.", "retention:set_one"),
            Entry("list", "List for how long data is kept.", "retention:list_all"),
            Entry("clear", "Keep a class of data for ever.", "retention:clear_one"),
            Entry("apply", "Erase now what was kept for long enough.", "retention:apply"),
        ),
        group="Trust and care",
    ),
    Entry("stop", "Let nothing new begin: a run, a tool, everything.", "stops:stop_it", group="Run"),
    Entry("release", "Let what was stopped go on.", "stops:release_it", group="Run"),
    Entry("breakers", "List which tools and models are left alone.", "breakers:list_breakers", group="Look"),
    Entry("stops", "List what is stopped, by whom and why.", "stops:list_stops", group="Look"),
    Entry(
        "principals",
        "Who there is, and which roles each holds.",
        children=(
            Entry("list", "List principals and their roles.", "principals:list_principals"),
            Entry("show", "Show a principal: roles, groups, keys.", "principals:show_principal"),
            Entry("add", "Enter a principal.", "principals:add_principal"),
            Entry("grant", "Let a principal hold roles.", "principals:grant_roles"),
            Entry("revoke", "Take roles from a principal.", "principals:revoke_roles"),
            Entry("suspend", "Let nothing be done as a principal.", "principals:suspend_principal"),
            Entry("resume", "Let a suspended principal act again.", "principals:resume_principal"),
        ),
        group="Trust and care",
    ),
    Entry(
        "groups",
        "Which roles groups give.",
        children=(
            Entry("list", "List the groups that give roles.", "groups:list_groups"),
            Entry("map", "Let everybody of a group hold a role.", "groups:map_group"),
            Entry("unmap", "Let a group give a role no more.", "groups:unmap_group"),
        ),
        group="Trust and care",
    ),
    Entry(
        "keys",
        "API keys, for services, agents and people.",
        children=(
            Entry("create", "Make an API key; it is shown once.", "keys:create_key"),
            Entry("list", "List API keys.", "keys:list_keys"),
            Entry("revoke", "Let an API key be good for nothing.", "keys:revoke_key"),
            Entry("rotate", "Have another master key, or let another keep it.", "rotating:rotate_master"),
        ),
        group="Trust and care",
    ),
    Entry(
        "connectors",
        "Systems that tools reach: what they offer, and what of that may be called.",
        children=(
            Entry("list", "List the connectors of a workflow.", "connector_interfaces:list_connectors"),
            Entry("show", "Show the tools of a connector.", "connector_interfaces:show_connector"),
            Entry("pin", "Give the digest that a connector is pinned to.", "connector_interfaces:pin"),
            Entry("diff", "Show what is not as it was approved, and what it breaks.", "connectors:diff"),
            Entry("approve", "Approve what is offered now, after seeing it.", "connectors:approve"),
            Entry("sign-in", "Sign in to a server with a browser.", "connectors:sign_in"),
            Entry("sign-out", "Let nobody be signed in to a server any more.", "connectors:sign_out"),
        ),
        group="Define",
    ),
    Entry(
        "models",
        "Which models agents have, and what they cost.",
        children=(
            Entry("check", "Ask each model whether it answers; say what it can do.", "models:check_models"),
        ),
        group="Define",
    ),
    Entry(
        "providers",
        "Identity providers whose tokens are trusted.",
        children=(
            Entry("list", "List the providers that are trusted.", "providers:list_providers"),
            Entry("trust", "Trust the tokens of a provider.", "providers:trust_provider"),
            Entry("distrust", "Trust a provider no more.", "providers:distrust_provider"),
        ),
        group="Trust and care",
    ),
    Entry(
        "audit",
        "What happened, and is the log whole?",
        children=(
            Entry("emergencies", "Show what passed in an emergency.", "emergencies:show_emergencies"),
            Entry("review", "Close the review of an emergency.", "emergencies:review_emergency"),
            Entry("log", "Show changes, logins and reads of labelled data.", "audit_log:show_log"),
            Entry("report", "Answer an auditor's questions in one document.", "audit_report:report"),
            Entry("verify", "Follow every chain and open every value.", "audit:verify"),
            Entry("export", "Write the log with its proofs, for somebody else.", "exporting:export"),
            Entry("prove", "Prove that an event is in what was signed.", "exporting:prove"),
            Entry("key", "Show the public key, for whoever verifies.", "checkpoints:public_key"),
            Entry("rotate-key", "Have another key sign checkpoints.", "checkpoints:rotate_key"),
            Entry("checkpoint", "Sign what the log is now, and publish it.", "checkpoints:checkpoint"),
        ),
        group="Trust and care",
    ),
    Entry(
        "db",
        "The database that holds the log.",
        children=(
            Entry("status", "Show its format, who works with it, and its size.", "db:show_status"),
            Entry("migrate", "Bring it up to the format of this version.", "db:migrate"),
            Entry("move", "Move the log of a data folder into a database.", "db:move"),
        ),
        group="Trust and care",
    ),
    Entry("backup", "Back up the data folder while it is in use.", "backup:backup", group="Trust and care"),
    Entry("restore", "Put a backup back, and say what is lost.", "backup:restore", group="Trust and care"),
    Entry("doctor", "Check this machine and the data folder.", "doctor:doctor", group="Trust and care"),
    Entry(
        "config",
        "Settings and where each comes from.",
        children=(Entry("view", "Show every setting with its origin.", "config:view"),),
        group="Trust and care",
    ),
)
