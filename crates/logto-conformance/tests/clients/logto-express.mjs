// Logto's own binding for Express.
import { handleAuthRoutes, ReservedResource, UserScope, withLogto } from '@logto/express';
import cookieParser from 'cookie-parser';
import express from 'express';
import session from 'express-session';
import assert from 'node:assert/strict';
import { Browser, checkOrganizationToken, checkResourceToken, checkSignedOut, checkUser } from './browser.mjs';

const { ENDPOINT, CLIENT_ID, CLIENT_SECRET, RESOURCE, ORGANIZATION } = process.env;
const app = express();
const server = app.listen(0, '127.0.0.1');
await new Promise((listens) => server.once('listening', listens));
const baseUrl = `http://127.0.0.1:${server.address().port}`;
const config = {
  endpoint: ENDPOINT,
  appId: CLIENT_ID,
  appSecret: CLIENT_SECRET,
  baseUrl,
  resources: [RESOURCE, ReservedResource.Organization],
  scopes: [UserScope.Email, UserScope.CustomData, UserScope.Organizations, 'read:x', 'read:member'],
};
app.use(cookieParser());
app.use(session({ secret: 'for-a-test', resave: false, saveUninitialized: true }));
app.use(handleAuthRoutes(config));
const context = (more) => [withLogto({ ...config, ...more }), (request, response) => response.json(request.user)];
app.get('/', (request, response) => response.send('home'));
app.get('/user', context({ fetchUserInfo: true }));
app.get('/resource', context({ getAccessToken: true, resource: RESOURCE }));
app.get('/organization', context({ getOrganizationToken: true }));

const browser = new Browser();
const home = (url) => new URL(url).origin === baseUrl && new URL(url).pathname === '/';
await browser.go(`${baseUrl}/logto/sign-in`, home);
const shown = async (path) => (await browser.request(`${baseUrl}${path}`)).json();
const user = await shown('/user');
assert(user.isAuthenticated);
checkUser(user.userInfo);
checkResourceToken((await shown('/resource')).accessToken);
checkOrganizationToken((await shown('/organization')).organizationTokens[ORGANIZATION]);

await browser.go(`${baseUrl}/logto/sign-out`, home);
assert(!(await shown('/user')).isAuthenticated);
await checkSignedOut(browser);
server.close();
console.log('done');
