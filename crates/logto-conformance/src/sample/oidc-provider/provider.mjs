// oidc-provider under /oidc, for one application.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const { PORT, APPLICATION, CLIENT_ID, CLIENT_SECRET } = process.env;

const provider = new Provider(`http://127.0.0.1:${PORT}/oidc`, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [`${APPLICATION}logto/sign-in-callback`],
      post_logout_redirect_uris: [`${APPLICATION}logto/signed-out`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  claims: { profile: ["name"] },
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ scope: "", accessTokenFormat: "jwt", accessTokenTTL: 20 }),
      useGrantedResource: () => false,
    },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `Person ${id}` }) }),
});

const answer = provider.callback();
createServer((request, response) => {
  request.originalUrl = request.url;
  request.url = request.url.replace(/^\/oidc/, "") || "/";
  answer(request, response);
}).listen(Number(PORT), "127.0.0.1");
