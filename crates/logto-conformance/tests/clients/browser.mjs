// A browser and the person before it: cookies, redirects, and forms that are filled in.
import assert from 'node:assert/strict';

const { ISSUER, USERNAME, PASSWORD } = process.env;

export class Browser {
  cookies = new Map();

  // One request, no redirect followed.
  async request(url, form) {
    const jar = this.jar(url);
    const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') };
    const body = form && new URLSearchParams(form);
    const answer = await fetch(url, { method: form ? 'POST' : 'GET', headers, body, redirect: 'manual' });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
    return answer;
  }

  jar(url) {
    const { origin } = new URL(url);
    if (!this.cookies.has(origin)) this.cookies.set(origin, new Map());
    return this.cookies.get(origin);
  }

  // Goes on until an address is reached that `stop` knows, through pages and forms of the server.
  async go(url, stop) {
    let next = { url: String(url) };
    for (let hops = 0; hops < 20; hops++) {
      if (!next.form && stop(next.url)) return next.url;
      const answer = await this.request(next.url, next.form);
      const location = answer.headers.get('location');
      if (location) {
        next = { url: new URL(location, next.url).href };
      } else {
        assert.equal(answer.status, 200, `${next.url}: ${answer.status}`);
        next = fillIn(await answer.text(), next.url);
      }
    }
    throw new Error('it goes round in circles');
  }
}

// The first form of a page, as a person sends it.
function fillIn(page, url) {
  const [, attributes, inner] = /<form ([^>]*)>([\s\S]*?)<\/form>/.exec(page) ?? assert.fail(`no form at ${url}`);
  const attribute = (text, name) => new RegExp(`${name}="([^"]*)"`).exec(text)?.[1];
  const form = {};
  for (const [, input] of inner.matchAll(/<input ([^>]*)>/g)) {
    form[attribute(input, 'name')] = attribute(input, 'value') ?? '';
  }
  if ('username' in form) Object.assign(form, { username: USERNAME, password: PASSWORD });
  return { url: new URL(attribute(attributes, 'action'), url).href, form };
}

export const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

// What every client must have come to.
export function checkUser(user) {
  assert.equal(user.username, USERNAME);
  assert.equal(user.email, 'alice@example.test');
  assert.deepEqual(user.custom_data, { plan: 'pro', seats: 3 });
}

export function checkResourceToken(token) {
  const { aud, scope, iss } = claims(token);
  assert.deepEqual([aud, scope, iss], [process.env.RESOURCE, 'read:x', ISSUER]);
}

export function checkOrganizationToken(token) {
  const { aud, scope } = claims(token);
  assert.deepEqual([aud, scope], [`urn:logto:organization:${process.env.ORGANIZATION}`, 'read:member']);
}

// After the sign-out the server asks for a password again.
export async function checkSignedOut(browser) {
  const query = new URLSearchParams({
    client_id: process.env.CLIENT_ID,
    redirect_uri: 'http://localhost:3000/callback',
    response_type: 'code',
    scope: 'openid',
    prompt: 'none',
    state: 'after',
  });
  const answer = await browser.request(`${ISSUER}/auth?${query}`);
  assert.match(answer.headers.get('location'), /error=login_required/);
}
