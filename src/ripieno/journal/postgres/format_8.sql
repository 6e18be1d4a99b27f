-- What format 8 adds: for a new database as for one of format 7 that is brought up while others work with it.
-- Once a version with this format was released nothing is changed here any more.

-- up to where the tables were brought; `format` says since then which is the oldest that still fits them
ALTER TABLE ripieno ADD COLUMN reached BIGINT;

-- of which format an owner's program is; one of format 7 does not say
ALTER TABLE owners ADD COLUMN format BIGINT;

-- in which region a tenant is kept and served
CREATE TABLE tenant_regions (
    tenant TEXT COLLATE "C" PRIMARY KEY,
    region TEXT COLLATE "C" NOT NULL,
    by     TEXT COLLATE "C" NOT NULL
);
