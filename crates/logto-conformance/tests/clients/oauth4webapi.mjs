// A certified client, of functions.
import * as oauth from 'oauth4webapi';
import assert from 'node:assert/strict';
import { Browser, checkOrganizationToken, checkResourceToken, checkSignedOut, checkUser } from './browser.mjs';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, RESOURCE, ORGANIZATION } = process.env;
const plain = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(ISSUER);
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain));
const client = { client_id: CLIENT_ID };
const authentication = oauth.ClientSecretPost(CLIENT_SECRET);
const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const authorization = new URL(as.authorization_endpoint);
authorization.search = new URLSearchParams([
  ['client_id', CLIENT_ID],
  ['response_type', 'code'],
  ['redirect_uri', 'http://localhost:3000/callback'],
  ['scope', 'openid offline_access profile email custom_data urn:logto:scope:organizations read:x read:member'],
  ['code_challenge', await oauth.calculatePKCECodeChallenge(verifier)],
  ['code_challenge_method', 'S256'],
  ['prompt', 'consent'],
  ['state', state],
  ['nonce', nonce],
  ['resource', RESOURCE],
  ['resource', 'urn:logto:resource:organizations'],
]);

const browser = new Browser();
const callback = await browser.go(authorization, (url) => url.startsWith('http://localhost:3000/'));
const parameters = oauth.validateAuthResponse(as, client, new URL(callback), state);
const redirect = 'http://localhost:3000/callback';
const answer = await oauth.authorizationCodeGrantRequest(
  as,
  client,
  authentication,
  parameters,
  redirect,
  verifier,
  plain,
);
const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, {
  expectedNonce: nonce,
  requireIdToken: true,
});
await oauth.validateApplicationLevelSignature(as, answer, plain);
const { sub } = oauth.getValidatedIdTokenClaims(tokens);
const shown = await oauth.userInfoRequest(as, client, tokens.access_token, plain);
checkUser(await oauth.processUserInfoResponse(as, client, sub, shown));

const refresh = async (more) => {
  const options = { ...plain, additionalParameters: more };
  const answer = await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, options);
  return oauth.processRefreshTokenResponse(as, client, answer);
};
checkResourceToken((await refresh({ resource: RESOURCE })).access_token);
checkOrganizationToken((await refresh({ organization_id: ORGANIZATION })).access_token);

const revoked = await oauth.revocationRequest(as, client, authentication, tokens.refresh_token, plain);
await oauth.processRevocationResponse(revoked);
await assert.rejects(refresh({}), { error: 'invalid_grant' });
const end = new URL(as.end_session_endpoint);
end.search = new URLSearchParams({ client_id: CLIENT_ID, post_logout_redirect_uri: 'http://localhost:3000/' });
const out = await browser.go(end, (url) => url.startsWith('http://localhost:3000/'));
assert.equal(out, 'http://localhost:3000/');
await checkSignedOut(browser);
console.log('done');
