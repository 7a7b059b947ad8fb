import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser, type Block } from '../src/sse.js';

const stream = ':hello\n\nevent: hydration\nid: 7-a.b\ndata: {"toggles":[]}\n\nid: 8\nretry: 4000\n\r\ndata:one\rdata: two\r\r:keep-alive\n\nevent\ndata\nretry: x\n\n';
const blocks: Block[] = [
  { event: 'hydration', id: '7-a.b', data: '{"toggles":[]}' },
  { event: 'message', id: '8', retry: 4000, data: '' },
  { event: 'message', data: 'one\ntwo' },
  { event: '', data: '' },
];

test('blocks are read however the text is cut', () => {
  for (let size = 1; size <= stream.length; size++) {
    const got: Block[] = [];
    const parse = parser((block) => got.push(block));
    for (let i = 0; i < stream.length; i += size) parse(stream.slice(i, i + size));
    assert.deepEqual(got, blocks, `in pieces of ${size}`);
  }
});
