// A real OpenID provider on loopback, for the tests. It listens on a free port, and prints its issuer.
//
// Beside the provider's own addresses: POST /rotate makes another signing key and forgets the one before,
// POST /sign signs any header and payload with the present key, GET /asked tells how often keys were fetched,
// POST /clock/SECONDS puts the clock that it issues tokens by so many seconds before the machine's.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const resource = 'https://ripieno.test';
const resourceServer = {
  scope: 'runs',
  audience: resource,
  accessTokenFormat: 'jwt',
  accessTokenTTL: 300,
  jwt: { sign: { alg: 'ES256' } },
};
let issuer;
let key;
let current;
let asked = 0;
let ahead = 0;

const machine = Date.now;
Date.now = () => machine() + 1000 * ahead;

function rotate() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  key = { private: privateKey, kid: randomUUID() };
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: key.kid, use: 'sig', alg: 'ES256' };
  current = new Provider(issuer, {
    clients: [{
      client_id: 'billing',
      client_secret: 'only-for-tests-on-loopback',
      grant_types: ['client_credentials', 'urn:test:person'],
      redirect_uris: [],
      response_types: [],
    }],
    jwks: { keys: [jwk] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    ttl: { AccessToken: 300, ClientCredentials: 300 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: () => resourceServer,
      },
    },
    extraTokenClaims: (_, token) => ({
      groups: token.kind === 'ClientCredentials' ? ['billing-services'] : ['clinical staff', 'everybody'],
    }),
  });
  // what a login in a browser ends with, without the browser
  current.registerGrantType('urn:test:person', async (context) => {
    const { client, params, provider } = context.oidc;
    const token = new provider.AccessToken({ accountId: params.login, client, gty: 'person', scope: 'runs' });
    token.resourceServer = new provider.ResourceServer(resource, resourceServer);
    context.body = { access_token: await token.save(), token_type: 'Bearer' };
  }, ['login']);
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

async function signed(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { header, payload } = JSON.parse(Buffer.concat(chunks).toString());
  const text = `${encoded({ alg: 'ES256', kid: key.kid, typ: 'at+jwt', ...header })}.${encoded({ iss: issuer, ...payload })}`;
  const signature = sign('sha256', Buffer.from(text), { key: key.private, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

const server = createServer(async (request, response) => {
  const what = `${request.method} ${request.url}`;
  if (what === 'GET /jwks') asked += 1;
  if (what === 'POST /rotate') {
    rotate();
    response.end();
  } else if (what === 'POST /sign') {
    response.end(await signed(request));
  } else if (what.startsWith('POST /clock/')) {
    ahead = Number(request.url.slice('/clock/'.length));
    response.end();
  } else if (what === 'GET /asked') {
    response.end(String(asked));
  } else {
    current.callback()(request, response);
  }
});
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  rotate();
  process.stdout.write(`${issuer}\n`);
});
process.stdin.resume().on('end', () => process.exit()); // it ends with whoever started it
