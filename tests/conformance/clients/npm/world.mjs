// What the drivers share: the emulator's facts, the clients, and requests without any client.
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { execFileSync } from 'node:child_process';

export const facts = JSON.parse(process.env.EMULATOR);
export const names = process.env.VENDOR_NAMES === '1';
export const client = createRequire(`${process.env.CLIENTS}/`);
export const region = facts.region;
export const bucket = facts.bucket;
export const styles = names ? ['virtual', 'path'] : ['path'];
export const pair = { accessKeyId: facts.access_key_id, accessKeySecret: facts.access_key_secret };

const OSS = client('ali-oss');
export { OSS };

/** A client for one way of signing and one way of addressing. */
export function connect(style, v4, more = {}) {
  const endpoint = style === 'virtual' ? `https://oss-${region}.aliyuncs.com` : facts.oss_endpoint;
  return new OSS({
    ...pair, bucket, region: `oss-${region}`, endpoint, authorizationV4: v4,
    sldEnable: style === 'path', timeout: 60_000, ...more,
  });
}

/** Options that let a client carry a temporary key. */
export function session({ AccessKeyId, AccessKeySecret, SecurityToken }) {
  const held = { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, stsToken: SecurityToken };
  return { ...held, refreshSTSToken: async () => held, refreshSTSTokenInterval: 3_600_000 };
}

/** Asserts that a call is refused with this status and, if given, one of these codes. */
export async function refused(call, status, ...codes) {
  const error = await call.then(
    () => assert.fail('should have been refused'), (reason) => reason);
  assert.equal(error.status, status, `${error.code}: ${error.message}`);
  if (codes.length > 0) assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
  return error;
}

/** One request as curl would make it. */
export function plainly(method, url, { body, headers = {} } = {}) {
  const send = url.startsWith('https:') ? overHttps : overHttp;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const call = send(url, { method, headers: { ...length, ...headers } }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => resolve({
        status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks).toString(),
      }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** What `stsfs sign-url` prints; it lives for 600 seconds. */
export function stsfsUrl(method, key, version, ...options) {
  return execFileSync(process.env.STSFS, ['sign-url', method.toLowerCase(), `oss://${bucket}/${key}`,
    '--endpoint', `https://oss-${region}.aliyuncs.com`, '--region', region, '--sign-version', version,
    '--expires', '600s', ...options], {
    encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ALIBABA_CLOUD_ACCESS_KEY_ID: pair.accessKeyId, ALIBABA_CLOUD_ACCESS_KEY_SECRET: pair.accessKeySecret },
  }).trim();
}

/** Where a URL leads and its query, signature and all. */
function parts(url) {
  const { protocol, host, pathname, searchParams } = new URL(url);
  return { protocol, host, path: decodeURIComponent(pathname), query: Object.fromEntries([...searchParams].sort()) };
}

/** What two programs make of one request in the same second, as parts. */
export async function beside(ours, theirs) {
  const second = ({ query }) => `${query.Expires} ${query['x-oss-date']}`;
  for (let i = 0; i < 50; i += 1) {
    const before = parts(await theirs());
    const mine = parts(ours());
    const after = parts(await theirs());
    const their = [before, after].find((made) => second(made) === second(mine));
    if (their) return [mine, their];
  }
  return assert.fail('never in the same second');
}

/** Reproducible bytes that do not compress. */
export function bytes(size, seed = 1) {
  const data = Buffer.alloc(size);
  let x = seed;
  for (let i = 0; i < size; i += 1) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    data[i] = x >>> 24;
  }
  return data;
}
