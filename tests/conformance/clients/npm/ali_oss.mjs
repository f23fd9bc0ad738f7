// ali-oss against the emulator: both ways of signing, both ways of addressing.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { beside, bucket, bytes, connect, plainly, refused, stsfsUrl, styles } from './world.mjs';

const folder = mkdtempSync(`${process.env.HOME}/ali-oss-`);
const md5 = (data) => createHash('md5').update(data).digest('hex').toUpperCase();
const ODD = ['blank here', 'plus+plus', '100%25', 'a&b=c', "quote'!()*", 'ümlaut/中文/😀', 'semi;colon:at@',
  'back\\slash', 'two//slashes', 'hash#question?', 'tilde~-_.', '{brace}|^`'];

for (const v4 of [false, true]) {
  for (const style of styles) {
    test(`ali-oss ${v4 ? 'V4' : 'V1'} ${style}`, async (t) => {
      const c = connect(style, v4);
      const at = (key) => `npm/${v4 ? 'v4' : 'v1'}-${style}/${key}`;
      const keys = (listed) => (listed ?? []).map((object) => object.name.slice(at('').length));

      await t.test('put, head, get, ranges', async () => {
        const data = bytes(150_007);
        const put = await c.put(at('whole'), data, { meta: { colour: 'dark blue' }, mime: 'text/x-odd' });
        assert.equal(put.res.headers.etag, `"${md5(data)}"`);
        const head = await c.head(at('whole'));
        assert.equal(head.meta.colour, 'dark blue');
        assert.equal(head.res.headers['content-type'], 'text/x-odd');
        assert.equal(head.res.headers['content-length'], '150007');
        assert.ok((await c.get(at('whole'))).content.equals(data));
        const part = await c.get(at('whole'), { headers: { Range: 'bytes=1000-1999' } });
        assert.equal(part.res.status, 206);
        assert.ok(part.content.equals(data.subarray(1000, 2000)));
        assert.ok((await c.get(at('whole'), { headers: { Range: 'bytes=-9' } })).content.equals(data.subarray(-9)));
        await c.put(at('check'), Buffer.from('123456789'));
        assert.equal((await c.head(at('check'))).res.headers['x-oss-hash-crc64ecma'], '11051210869376104954');
      });

      await t.test('streams and files, either way', async () => {
        const data = bytes(400_000, 2);
        await c.putStream(at('stream'), Readable.from([data.subarray(0, 7), data.subarray(7)]));
        await c.get(at('stream'), `${folder}/stream`);
        assert.ok(readFileSync(`${folder}/stream`).equals(data));
        await c.put(at('file'), `${folder}/stream`);
        const chunks = [];
        for await (const chunk of (await c.getStream(at('file'))).stream) chunks.push(chunk);
        assert.ok(Buffer.concat(chunks).equals(data));
      });

      await t.test('conditions', async () => {
        const { etag } = (await c.put(at('conditions'), Buffer.from('one'))).res.headers;
        assert.equal((await c.get(at('conditions'), { headers: { 'If-None-Match': etag } })).res.status, 304);
        await refused(c.get(at('conditions'), { headers: { 'If-Match': '"0"' } }), 412, 'PreconditionFailed');
        await refused(c.put(at('conditions'), Buffer.from('two'), { headers: { 'x-oss-forbid-overwrite': 'true' } }),
          409, 'FileAlreadyExists');
        assert.equal((await c.get(at('conditions'))).content.toString(), 'one');
      });

      await t.test('odd keys: put, get, list, copy, delete', async () => {
        for (const odd of ODD) {
          const key = at(`odd/${odd}`);
          await c.put(key, Buffer.from(odd));
          assert.equal((await c.get(key)).content.toString(), odd);
          assert.deepEqual(keys((await c.listV2({ prefix: key })).objects), [`odd/${odd}`]);
          await c.copy(`${key}.copy`, key);
          assert.equal((await c.get(`${key}.copy`)).content.toString(), odd);
          await c.delete(key);
          await refused(c.head(key), 404);
        }
        const left = (await c.listV2({ prefix: at('odd/'), 'max-keys': 1000 })).objects.map((o) => o.name);
        assert.equal(left.length, ODD.length);
        const gone = await c.deleteMulti(left);
        assert.equal(gone.deleted.length, ODD.length);
        assert.deepEqual((await c.listV2({ prefix: at('odd/') })).objects ?? [], []);
      });

      await t.test('listings of both kinds, page by page', async () => {
        const all = ['1', '2', 'deep/3', 'deep/4', '5'].map((key) => `list/${key}`).sort();
        for (const key of all) await c.put(at(key), Buffer.from(key));
        const seen = [];
        for (let marker, more = true; more;) {
          const page = await c.list({ prefix: at('list/'), 'max-keys': 2, ...(marker && { marker }) });
          seen.push(...keys(page.objects));
          marker = page.nextMarker;
          more = page.isTruncated;
        }
        assert.deepEqual(seen, all);
        const top = await c.list({ prefix: at('list/'), delimiter: '/' });
        assert.deepEqual(top.prefixes, [at('list/deep/')]);
        assert.deepEqual(keys(top.objects), ['list/1', 'list/2', 'list/5']);
        const again = [];
        for (let token, more = true; more;) {
          const page = await c.listV2({
            prefix: at('list/'), 'max-keys': 2, 'fetch-owner': true, ...(token && { 'continuation-token': token }),
          });
          assert.equal(page.keyCount, page.objects.length);
          assert.ok(page.objects.every((object) => object.owner.id));
          again.push(...keys(page.objects));
          token = page.nextContinuationToken;
          more = page.isTruncated;
        }
        assert.deepEqual(again, all);
        const late = await c.listV2({ prefix: at('list/'), 'start-after': at('list/2') });
        assert.deepEqual(keys(late.objects), ['list/5', 'list/deep/3', 'list/deep/4']);
      });

      await t.test('multipart: checkpoint, parts listed, copied parts, abort', async () => {
        const data = bytes(1_300_000, 3);
        writeFileSync(`${folder}/parts`, data);
        let saved;
        const stop = Object.assign(new Error('stop'), { name: 'stop' });
        await assert.rejects(c.multipartUpload(at('parts'), `${folder}/parts`, {
          partSize: 200_000, parallel: 1,
          progress: async (done, checkpoint) => { saved = checkpoint; if (done > 0.4) throw stop; },
        }));
        const before = await c.listParts(at('parts'), saved.uploadId);
        assert.ok([].concat(before.parts).length >= 2);
        await c.multipartUpload(at('parts'), `${folder}/parts`, { checkpoint: saved, partSize: 200_000, parallel: 3 });
        assert.ok((await c.get(at('parts'))).content.equals(data));
        await refused(c.listParts(at('parts'), saved.uploadId), 404, 'NoSuchUpload');
        await c.multipartUploadCopy(at('parts-copied'), { sourceKey: at('parts'), sourceBucketName: bucket },
          { partSize: 500_000 });
        assert.ok((await c.get(at('parts-copied'))).content.equals(data));
        const { uploadId } = await c.initMultipartUpload(at('aborted'));
        await c.uploadPart(at('aborted'), uploadId, 1, `${folder}/parts`, 0, 100_000);
        await refused(c.completeMultipartUpload(at('aborted'), uploadId, [{ number: 1, etag: '"0"' }]),
          400, 'InvalidPart');
        assert.ok((await c.listUploads({ prefix: at('aborted') })).uploads.length === 1);
        await c.abortMultipartUpload(at('aborted'), uploadId);
        await refused(c.uploadPart(at('aborted'), uploadId, 2, `${folder}/parts`, 0, 100_000), 404, 'NoSuchUpload');
      });

      await t.test('append, symlink, copy with new metadata, tags, ACL', async () => {
        await c.append(at('grown'), Buffer.from('hello '));
        const next = await c.append(at('grown'), Buffer.from('world'), { position: 6 });
        assert.equal(String(next.nextAppendPosition), '11');
        assert.equal((await c.get(at('grown'))).content.toString(), 'hello world');
        await refused(c.append(at('grown'), Buffer.from('late'), { position: 6 }), 409, 'PositionNotEqualToLength');
        await c.putSymlink(at('link'), at('grown'));
        assert.equal((await c.getSymlink(at('link'))).targetName, at('grown'));
        assert.equal((await c.get(at('link'))).content.toString(), 'hello world');
        await c.put(at('from'), Buffer.from('copied'), { meta: { old: '1' } });
        await c.copy(at('to'), at('from'), { meta: { fresh: '2' } });
        assert.deepEqual((await c.head(at('to'))).meta, { fresh: '2' });
        await c.putObjectTagging(at('to'), { 'a tag': 'of value' });
        assert.deepEqual((await c.getObjectTagging(at('to'))).tag, { 'a tag': 'of value' });
        await c.deleteObjectTagging(at('to'));
        await c.putACL(at('to'), 'public-read');
        assert.equal((await c.getACL(at('to'))).acl, 'public-read');
        const info = await c.getBucketInfo(bucket);
        assert.equal(info.bucket.Name, bucket);
      });

      await t.test('versions', async () => {
        const v = connect(style, v4, { bucket: 'otherbucket' });
        await v.putBucketVersioning('otherbucket', 'Enabled');
        assert.equal((await v.getBucketVersioning('otherbucket')).versionStatus, 'Enabled');
        const first = (await v.put(at('k'), Buffer.from('one'))).res.headers['x-oss-version-id'];
        await v.put(at('k'), Buffer.from('two'));
        await v.delete(at('k'));
        await refused(v.get(at('k')), 404, 'NoSuchKey');
        assert.equal((await v.get(at('k'), { versionId: first })).content.toString(), 'one');
        const listed = await v.getBucketVersions({ prefix: at('k') });
        assert.equal(listed.objects.length, 2);
        assert.equal(listed.deleteMarker.length, 1);
        await v.deleteMulti([...listed.objects, ...listed.deleteMarker]
          .map((one) => ({ key: one.name, versionId: one.versionId })));
        assert.equal((await v.getBucketVersions({ prefix: at('k') })).objects.length, 0);
      });

      await t.test('refusals', async () => {
        await refused(c.get(at('missing')), 404, 'NoSuchKey');
        await refused(connect(style, v4, { bucket: 'nosuchbucket' }).get('x'), 404, 'NoSuchBucket');
        await refused(connect(style, v4, { accessKeySecret: 'wrong' }).get(at('whole')), 403, 'SignatureDoesNotMatch');
        await refused(connect(style, v4, { accessKeyId: 'nobody' }).get(at('whole')), 403, 'InvalidAccessKeyId');
        await refused(c.put(at('sum'), Buffer.from('x'), { headers: { 'Content-MD5': Buffer.alloc(16).toString('base64') } }),
          400, 'InvalidDigest');
      });

      if (style !== 'virtual') return;  // this client signs no URL for an address
      const key = at('url/ä +&');
      const sign = (method, { headers = {}, expires = 600, response = {} } = {}) => (v4
        ? c.signatureUrlV4(method, expires, {
          headers, queries: Object.fromEntries(Object.entries(response).map(([k, v]) => [`response-${k}`, v])),
        }, key)
        : c.asyncSignatureUrl(key, { method, expires, response, ...headers }));

      await t.test('signed URLs, used by nobody in particular', async () => {
        const type = { 'Content-Type': 'text/x-by-url' };
        const there = await sign('PUT', { headers: type });
        assert.equal((await plainly('PUT', there, { body: 'by url', headers: type })).status, 200);
        assert.equal((await plainly('PUT', there, { body: 'x', headers: { 'Content-Type': 'text/other' } })).status, 403);
        const back = await sign('GET', { response: { 'content-disposition': 'attachment; filename="a b"' } });
        const got = await plainly('GET', back);
        assert.equal(got.body, 'by url');
        assert.equal(got.headers['content-disposition'], 'attachment; filename="a b"');
        assert.equal((await plainly('DELETE', back)).status, 403);
        assert.equal((await plainly('GET', back.replace('url/', 'vrl/'))).status, 403);
        if (v4) {
          const bound = await c.signatureUrlV4('GET', 600, { headers: { 'x-one': '1' } }, key, ['x-one']);
          assert.equal((await plainly('GET', bound, { headers: { 'x-one': '1' } })).status, 200);
          assert.equal((await plainly('GET', bound, { headers: { 'x-one': '2' } })).status, 403);
        }
      });

      await t.test('signed URLs that stsfs makes are the same', async () => {
        const version = v4 ? 'v4' : 'v1';
        const disposition = 'attachment; filename="a b+c"';
        for (const [method, more, options] of [
          ['GET', {}, []],
          ['PUT', { headers: { 'Content-Type': 'text/x-by-url' } }, ['--header', 'Content-Type: text/x-by-url']],
          ['GET', { response: { 'content-disposition': disposition } },
            ['--query', `response-content-disposition=${disposition}`]],
        ]) {
          const [ours, theirs] = await beside(() => stsfsUrl(method, key, version, ...options), () => sign(method, more));
          assert.deepEqual(ours, theirs);
        }
        const there = stsfsUrl('PUT', key, version, '--header', 'x-oss-meta-a: b');
        const meta = { 'x-oss-meta-a': 'b' };
        assert.equal((await plainly('PUT', there, { body: 'by stsfs', headers: meta })).status, 200);
        assert.deepEqual((await c.head(key)).meta, { a: 'b' });
        assert.equal((await plainly('GET', stsfsUrl('GET', key, version))).body, 'by stsfs');
      });
    });
  }
}

