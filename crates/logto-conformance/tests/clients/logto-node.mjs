// Logto's own client for Node.js.
import LogtoClient, { ReservedResource, UserScope } from '@logto/node';
import assert from 'node:assert/strict';
import { Browser, checkOrganizationToken, checkResourceToken, checkSignedOut, checkUser } from './browser.mjs';

const { ENDPOINT, CLIENT_ID, CLIENT_SECRET, RESOURCE, ORGANIZATION } = process.env;
const items = new Map();
const storage = {
  getItem: async (key) => items.get(key) ?? null,
  setItem: async (key, value) => void items.set(key, value),
  removeItem: async (key) => void items.delete(key),
};
let navigated;
const client = new LogtoClient(
  {
    endpoint: ENDPOINT,
    appId: CLIENT_ID,
    appSecret: CLIENT_SECRET,
    resources: [RESOURCE, ReservedResource.Organization],
    scopes: [UserScope.Email, UserScope.CustomData, UserScope.Organizations, 'read:x', 'read:member'],
  },
  { storage, navigate: (url) => void (navigated = url) },
);

const browser = new Browser();
await client.signIn({ redirectUri: 'http://localhost:3000/callback' });
const callback = await browser.go(navigated, (url) => url.startsWith('http://localhost:3000/'));
await client.handleSignInCallback(callback);
assert(await client.isAuthenticated());
checkUser(await client.fetchUserInfo());
checkResourceToken(await client.getAccessToken(RESOURCE));
checkOrganizationToken(await client.getOrganizationToken(ORGANIZATION));
assert.deepEqual((await client.getIdTokenClaims()).organizations, [ORGANIZATION]);

await client.signOut('http://localhost:3000/');
assert.equal(await browser.go(navigated, (url) => url.startsWith('http://localhost:3000')), 'http://localhost:3000/');
assert(!(await client.isAuthenticated()));
await checkSignedOut(browser);
console.log('done');
