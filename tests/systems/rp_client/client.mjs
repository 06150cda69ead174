// An application on openid-client, a certified relying party: a browser logs in at /login, a test asks for the rest by
// POST. It is told its provider by POST /configure; one log-in at a time.
import { createServer } from "node:http";
import * as client from "openid-client";

const here = `http://127.0.0.1:${process.env.PORT}`;
let config, scope, asked, tokens, claims, device;

const steps = {
  async configure({ issuer, id, secret, scope: wanted }) {
    const proof = secret ? client.ClientSecretBasic(secret) : client.None();
    const execute = [client.allowInsecureRequests];
    config = await client.discovery(new URL(issuer), id, undefined, proof, { execute });
    scope = wanted;
    return config.serverMetadata();
  },
  refresh: async () => (tokens = { ...tokens, ...(await client.refreshTokenGrant(config, tokens.refresh_token)) }),
  again: async ({ token }) => client.refreshTokenGrant(config, token),
  userinfo: async () => client.fetchUserInfo(config, tokens.access_token, claims.sub),
  introspect: async ({ kind }) => client.tokenIntrospection(config, tokens[kind]),
  revoke: async ({ kind }) => (await client.tokenRevocation(config, tokens[kind]), {}),
  tokens: async () => ({ ...tokens, claims }),
  begin: async () => (device = await client.initiateDeviceAuthorization(config, { scope })),
  async poll() {
    tokens = await client.pollDeviceAuthorizationGrant(config, device);
    return { claims: (claims = tokens.claims()) };
  },
};

const pages = {
  async "/login"(url, answer) {
    asked = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
    };
    const place = client.buildAuthorizationUrl(config, {
      redirect_uri: `${here}/callback`, scope, state: asked.expectedState, nonce: asked.expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(asked.pkceCodeVerifier), code_challenge_method: "S256",
      ...Object.fromEntries(url.searchParams),
    });
    answer.writeHead(302, { location: place.href }).end();
  },
  async "/callback"(url, answer) {
    tokens = await client.authorizationCodeGrant(config, url, { ...asked, idTokenExpected: true });
    claims = tokens.claims();
    const whole = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
    answer.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    answer.end(`<!doctype html><title>application</title><pre id="claims">${JSON.stringify(whole)}</pre>`);
  },
  async "/logout"(url, answer) {
    const place = client.buildEndSessionUrl(config, {
      post_logout_redirect_uri: `${here}/bye`, id_token_hint: tokens.id_token, state: "so long",
    });
    answer.writeHead(302, { location: place.href }).end();
  },
  async "/bye"(url, answer) {
    answer.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    answer.end(`<!doctype html><title>application</title><p id="bye">${url.searchParams.get("state")}</p>`);
  },
};

const failed = (error) => JSON.stringify({ error: error.error ?? error.code ?? error.name, message: error.message });

createServer(async (request, answer) => {
  const url = new URL(request.url, here);
  try {
    if (request.method === "GET") {
      if (!pages[url.pathname]) return answer.writeHead(404).end();
      return await pages[url.pathname](url, answer);
    }
    let body = "";
    for await (const part of request) body += part;
    const found = await steps[url.pathname.slice(1)](JSON.parse(body || "{}"));
    answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(found));
  } catch (error) {
    answer.writeHead(500, { "content-type": "application/json" }).end(failed(error));
  }
}).listen(Number(process.env.PORT), "127.0.0.1");
