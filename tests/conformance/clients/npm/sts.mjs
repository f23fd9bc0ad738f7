// AssumeRole by three of the vendor's Node clients, and what the keys that they get may do.
import test from 'node:test';
import assert from 'node:assert/strict';
import { bucket, client, connect, facts, names, OSS, pair, refused, session } from './world.mjs';

const Sts = client('@alicloud/sts20150401');
const { $OpenApiUtil } = client('@alicloud/openapi-core');
const Credentials = client('@alicloud/credentials');

const endpoint = names ? 'https://sts.cn-hangzhou.aliyuncs.com' : facts.sts_endpoint;
const policy = (...actions) => JSON.stringify({
  Version: '1',
  Statement: [{ Effect: 'Allow', Action: actions, Resource: [`acs:oss:*:*:${bucket}/npm-sts/*`] }],
});
const lasts = (expiration, seconds) => {
  const left = (Date.parse(expiration) - Date.now()) / 1000;
  assert.ok(left > seconds - 60 && left <= seconds + 1, `${expiration}: ${left} s`);
};

test('ali-oss: policy, duration, refusals', async (t) => {
  const helper = (more = {}) => new OSS.STS({ ...pair, endpoint, ...more });
  const assume = async (...rest) => (await helper().assumeRole(facts.role_arn, ...rest)).credentials;

  await t.test('a key for twenty minutes reads and writes one prefix', async () => {
    const held = await assume(policy('oss:GetObject', 'oss:PutObject'), 1200, 'narrow');
    lasts(held.Expiration, 1200);
    assert.match(held.AccessKeyId, /^STS\./);
    const c = connect('path', true, session(held));
    await c.put('npm-sts/in', Buffer.from('in'));
    assert.equal((await c.get('npm-sts/in')).content.toString(), 'in');
    await refused(c.put('elsewhere', Buffer.from('out')), 403, 'AccessDenied');
    await refused(c.delete('npm-sts/in'), 403, 'AccessDenied');
    await refused(c.listV2({ prefix: 'npm-sts/' }), 403, 'AccessDenied');
  });
  await t.test('without its token, or with another, the key is worth nothing', async () => {
    const held = await assume(null, 900, 'whole');
    const other = await assume(null, 900, 'other');
    const pairOf = { accessKeyId: held.AccessKeyId, accessKeySecret: held.AccessKeySecret };
    await refused(connect('path', true, pairOf).get('npm-sts/in'), 403, 'InvalidAccessKeyId');
    await refused(connect('path', true, session({ ...held, SecurityToken: other.SecurityToken })).get('npm-sts/in'),
      403, 'InvalidSecurityToken');
    assert.equal((await connect('path', false, session(held)).get('npm-sts/in')).content.toString(), 'in');
  });
  await t.test('what STS refuses', async () => {
    await refused(helper().assumeRole(`${facts.role_arn}-not`, null, 900, 'ss'), 404, 'EntityNotExist.Role');
    await refused(helper().assumeRole('role', null, 900, 'ss'), 400, 'InvalidParameter.RoleArn');
    await refused(helper().assumeRole(facts.role_arn, null, 899, 'ss'), 400, 'InvalidParameter.DurationSeconds');
    await refused(helper().assumeRole(facts.role_arn, null, 3601, 'ss'), 400, 'InvalidParameter.DurationSeconds');
    await refused(helper().assumeRole(facts.role_arn, '{}', 900, 'ss'), 400, 'InvalidParameter.PolicyGrammar');
    await refused(helper({ accessKeySecret: 'wrong' }).assumeRole(facts.role_arn, null, 900, 'ss'),
      400, 'SignatureDoesNotMatch');
    await refused(helper({ accessKeyId: 'nobody' }).assumeRole(facts.role_arn, null, 900, 'ss'),
      404, 'InvalidAccessKeyId.NotFound');
  });
});

test('sts20150401: ACS3 signatures', async (t) => {
  const sts = (more = {}) => {
    const url = new URL(endpoint);
    return new Sts.default(new $OpenApiUtil.Config({
      ...pair, endpoint: url.host, protocol: url.protocol.slice(0, -1), regionId: facts.region, ...more,
    }));
  };
  const request = (more) => new Sts.AssumeRoleRequest({
    roleArn: facts.role_arn, roleSessionName: 'acs3', durationSeconds: 1000, ...more,
  });
  await t.test('AssumeRole with a policy that needs escaping', async () => {
    const { body } = await sts().assumeRole(request({ policy: policy('oss:Get*').replace('npm-sts/*', 'a+b é%20/*') }));
    lasts(body.credentials.expiration, 1000);
    assert.ok(body.assumedRoleUser.arn.endsWith('/acs3'));
  });
  await t.test('who am I, as a user and in a session', async () => {
    assert.match((await sts().getCallerIdentity()).body.arn, /:user\//);
    const { accessKeyId, accessKeySecret, securityToken } = (await sts().assumeRole(request())).body.credentials;
    const self = (await sts({ accessKeyId, accessKeySecret, securityToken }).getCallerIdentity()).body;
    assert.equal(self.identityType, 'AssumedRoleUser');
    assert.match(self.arn, /:assumed-role\/.*\/acs3$/);
  });
  await t.test('web identity', async () => {
    const web = (token) => sts().assumeRoleWithOIDC(new Sts.AssumeRoleWithOIDCRequest({
      roleArn: facts.role_arn, roleSessionName: 'web', OIDCToken: token, durationSeconds: 900,
      OIDCProviderArn: `${facts.role_arn.split(':role/')[0]}:oidc-provider/any`,
    }));
    lasts((await web(process.env.OIDC_TOKEN)).body.credentials.expiration, 900);
    await assert.rejects(web('another-token'));
  });
  await t.test('a wrong secret', async () => {
    await assert.rejects(sts({ accessKeySecret: 'wrong' }).assumeRole(request()),
      (error) => ['SignatureDoesNotMatch', 'IncompleteSignature'].includes(error.code));
  });
});

test('credentials: every kind that asks somebody', { skip: names ? false : 'needs the vendor\'s names' }, async (t) => {
  const works = async (config) => {
    const got = await new Credentials.default(new Credentials.Config(config)).getCredential();
    const c = connect('virtual', true, session({
      AccessKeyId: got.accessKeyId, AccessKeySecret: got.accessKeySecret, SecurityToken: got.securityToken,
    }));
    await c.put('npm-sts/kind', Buffer.from(config.type));
    assert.equal((await c.get('npm-sts/kind')).content.toString(), config.type);
  };
  const role = { ...pair, roleArn: facts.role_arn, roleSessionName: 'kinds', roleSessionExpiration: 1800 };
  await t.test('ram_role_arn', () => works({ type: 'ram_role_arn', ...role }));
  await t.test('ram_role_arn with a policy', () =>
    works({ type: 'ram_role_arn', ...role, policy: policy('oss:GetObject', 'oss:PutObject') }));
  await t.test('ecs_ram_role, its name given', () =>
    works({ type: 'ecs_ram_role', roleName: facts.ecs_role_name, disableIMDSv1: true }));
  await t.test('ecs_ram_role, its name asked for', () => works({ type: 'ecs_ram_role' }));
});
