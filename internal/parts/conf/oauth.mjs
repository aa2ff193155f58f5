// An authorization server: OpenID Connect discovery, client_credentials and refresh_token
// (RFC 6749), introspection (RFC 7662), JWT access tokens (RFC 9068), client authentication
// by secret, private_key_jwt and mTLS (RFC 8705). /_mint, which no such server has, gives a
// refresh token without a person who signs in.
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const { Provider } = await import('{{.Library}}');
const now = () => Math.floor(Date.now() / 1000);
const service = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
const person = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: ['https://127.0.0.1:9/callback'], response_types: ['code'] };
const clients = [
  { ...service, client_id: 'basic', client_secret: 'basic-secret' },
  { ...service, client_id: 'post', client_secret: 'post-secret', token_endpoint_auth_method: 'client_secret_post' },
  { ...service, client_id: 'expired', client_secret: 'expired-secret', client_secret_expires_at: now() - 60 },
  { ...service, client_id: 'soon', client_secret: 'soon-secret', client_secret_expires_at: now() + 3 },
  { ...person, client_id: 'web', client_secret: 'web-secret' },
  { ...person, client_id: 'steady', client_secret: 'steady-secret' },
];
const keys = {{.ClientKeys}};
if (keys.length > 0) {
  clients.push(
    { ...service, client_id: 'assertion', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } },
    { ...service, client_id: 'self-signed', token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys } },
    { ...service, client_id: 'mtls', token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: '{{.ClientSubject}}' },
  );
}
const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider('{{.Issuer}}', {
  clients, jwks: { keys: [{ ...signing, kid: '{{.KeyID}}', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['not a secret'] }, clockTolerance: 0, pkce: { required: () => false }, scopes: ['openid', 'offline_access', 'api:read'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth', 'none'],
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false }, clientCredentials: { enabled: true }, revocation: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    mTLS: {
      enabled: true, tlsClientAuth: true, selfSignedTlsClientAuth: true,
      getCertificate: (ctx) => { const raw = ctx.socket.getPeerCertificate()?.raw; return raw && new X509Certificate(raw); },
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => `CN=${ctx.socket.getPeerCertificate().subject.CN}` === expected,
    },
    resourceIndicators: {
      enabled: true, defaultResource: () => undefined, useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'api:read', audience: resource, accessTokenTTL: resource.includes('brief') ? 2 : 300,
        accessTokenFormat: resource.includes('jwt') ? 'jwt' : 'opaque', jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  ttl: { ClientCredentials: (ctx, token) => token.resourceServer?.accessTokenTTL ?? 120, RefreshToken: 86400 * 14, Grant: 86400 * 14, AccessToken: 60, IdToken: 600, Session: 600, Interaction: 600, AuthorizationCode: 60 },
  rotateRefreshToken: (ctx) => ctx.oidc.client.clientId !== 'steady',
});

provider.use(async (ctx, next) => {
  if (ctx.path !== '/_mint') return next();
  const client = await provider.Client.find(ctx.query.client);
  const grant = new provider.Grant({ accountId: 'somebody', clientId: client.clientId });
  grant.addOIDCScope('openid offline_access');
  const token = new provider.RefreshToken({
    accountId: 'somebody', client, grantId: await grant.save(), scope: 'openid offline_access', gty: 'authorization_code', claims: {}, authTime: now(), expiresWithSession: false,
  });
  const ttl = Number(ctx.query.ttl);
  token.expiresIn = ttl;
  ctx.body = await token.save(ttl);
});

createPrivateKey(readFileSync('{{.Key}}')); // says what is wrong with it, which https does not
createServer(
  { cert: readFileSync('{{.Chain}}'), key: readFileSync('{{.Key}}'), ca: readFileSync('{{.ClientRoot}}'), requestCert: true, rejectUnauthorized: false },
  provider.callback(),
).listen({{.Ports.https}}, '127.0.0.1');
