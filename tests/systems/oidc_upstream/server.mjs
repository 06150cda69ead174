// oidc-provider as the upstream of people: whoever types a name is that person, and its log-outs are told to BACK.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const { PORT, BACK } = process.env;
const people = { lina: "李娜", stranger: "Somebody" };
const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [{
    client_id: "cophub",
    client_secret: "upstream-client-secret",
    redirect_uris: ["https://hub.example/portal/login/back/npm"],
    backchannel_logout_uri: BACK,
    backchannel_logout_session_required: true,
  }],
  claims: { openid: ["sub"], profile: ["name", "preferred_username", "oid"] },
  cookies: { keys: ["only in tests"] },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, oid: id, preferred_username: id, name: people[id] ?? id }),
  }),
  jwks: { keys: [{ ...key, kid: "npm", use: "sig" }] },
  pkce: { required: () => true },
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
});
provider.listen(Number(PORT), "127.0.0.1");
