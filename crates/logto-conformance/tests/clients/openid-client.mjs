// A certified client.
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { Browser, checkOrganizationToken, checkResourceToken, checkSignedOut, checkUser } from './browser.mjs';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, RESOURCE, ORGANIZATION } = process.env;
const plain = { execute: [client.allowInsecureRequests] };
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, plain);
client.enableNonRepudiationChecks(config);
const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const parameters = new URLSearchParams({
  redirect_uri: 'http://localhost:3000/callback',
  scope: 'openid offline_access profile email custom_data urn:logto:scope:organizations read:x read:member',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  prompt: 'consent',
  state,
  nonce,
});
for (const resource of [RESOURCE, 'urn:logto:resource:organizations']) parameters.append('resource', resource);

const browser = new Browser();
const callback = await browser.go(client.buildAuthorizationUrl(config, parameters), (url) =>
  url.startsWith('http://localhost:3000/'),
);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await client.authorizationCodeGrant(config, new URL(callback), checks);
checkUser(await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub));
const resource = await client.refreshTokenGrant(config, tokens.refresh_token, { resource: RESOURCE });
checkResourceToken(resource.access_token);
const organization = await client.refreshTokenGrant(config, tokens.refresh_token, { organization_id: ORGANIZATION });
checkOrganizationToken(organization.access_token);
const known = await client.tokenIntrospection(config, tokens.access_token);
assert(known.active);

await client.tokenRevocation(config, tokens.refresh_token);
await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
const end = client.buildEndSessionUrl(config, {
  post_logout_redirect_uri: 'http://localhost:3000/',
  id_token_hint: tokens.id_token,
  state: 'out',
});
const out = await browser.go(end, (url) => url.startsWith('http://localhost:3000/'));
assert.equal(out, 'http://localhost:3000/?state=out');
await checkSignedOut(browser);
console.log('done');
