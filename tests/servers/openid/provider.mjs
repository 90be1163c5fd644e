// An OpenID provider for tests: oidc-provider with its own pages for signing in and agreeing. Anybody signs in,
// and is who they say. Usage: node provider.mjs PORT MODULES
//
// GET /tests says what was asked of the token endpoint; GET /tests?delay_ms=…&ttl=… changes how it answers;
// GET /tests?destroy=TOKEN makes an access token one that does not hold, and nothing else.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [port, modules] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const found = createRequire(join(modules, 'index.js')).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(found));

const state = { delay_ms: 0, ttl: 3600, asked: {}, status: 0 };
const TOKEN = 'urn:ietf:params:oauth:grant-type:';

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'fluenzr-tests',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', `${TOKEN}device_code`],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1'],
    },
    {
      client_id: 'service',
      client_secret: 'canary-client-secret-5b1f77',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
    { client_id: 'mailhost', client_secret: 'mailhost', grant_types: [], response_types: [], redirect_uris: [] },
  ],
  claims: { openid: ['sub'], email: ['email'] },
  scopes: ['openid', 'email', 'offline_access', 'mail'],
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
  },
  ttl: {
    AccessToken: () => state.ttl,
    ClientCredentials: () => state.ttl,
    DeviceCode: 120,
    Grant: 86400,
    RefreshToken: 86400,
    Session: 86400,
    Interaction: 600,
    AuthorizationCode: 60,
    IdToken: 600,
  },
  // A refresh token is good for once: who shows an old one loses everything.
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  extraTokenClaims: async (ctx, token) => ({ email: token.accountId ?? 'shop@shop.test' }),
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, email: id }) }),
  cookies: { keys: ['of the tests'] },
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

provider.use(async (ctx, next) => {
  if (ctx.path === '/tests') {
    for (const name of ['delay_ms', 'ttl', 'status']) if (name in ctx.query) state[name] = Number(ctx.query[name]);
    if ('destroy' in ctx.query) await (await provider.AccessToken.find(ctx.query.destroy)).destroy();
    if ('forget' in ctx.query) state.asked = {};
    ctx.body = state;
    return;
  }
  const is_token = ctx.path === '/token' && ctx.method === 'POST';
  if (state.status && (is_token || ctx.path === '/token/revocation')) {
    ctx.status = state.status;
    ctx.body = '<!doctype html><title>It broke</title>';
    return;
  }
  await next();
  if (!is_token) return;
  const type = ctx.oidc?.params?.grant_type ?? '?';
  state.asked[type] = (state.asked[type] ?? 0) + 1;
  // The tokens are made; the answer takes its time.
  await pause(state.delay_ms);
});

createServer(provider.callback()).listen(Number(port), '127.0.0.1');
