// A real OpenID provider on loopback, for the tests: one service client, one resource, keys that can be rotated.
//
// usage: node server.mjs PORT
// POST /rotate makes a new signing key and forgets the ones before; POST /token is the provider's own.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const resource = 'https://ripieno.test';

function key() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'ES256' };
}

function provider() {
  return new Provider(issuer, {
    clients: [{
      client_id: 'billing',
      client_secret: 'only-for-tests-on-loopback',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    }],
    jwks: { keys: [key()] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: (_, asked) => ({
          scope: 'runs',
          audience: asked,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    extraTokenClaims: () => ({ groups: ['biller-staff', 'night shift'] }),
  });
}

let current = provider();
const server = createServer((request, response) => {
  if (request.method === 'POST' && request.url === '/rotate') {
    current = provider();
    response.end();
  } else {
    current.callback()(request, response);
  }
});
server.listen(port, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ issuer: `http://127.0.0.1:${server.address().port}` })}\n`);
});
