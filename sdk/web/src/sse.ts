/** One block of an event stream. Blocks without data are no events, but move the id and the delay. */
export interface Block {
  event: string;
  data: string;
  id?: string;
  retry?: number;
}

/**
 * Returns a function that takes the text of an event stream in pieces and hands each complete block on. Comments are
 * dropped: they show by their bytes that the stream lives.
 */
export function parser(take: (block: Block) => void): (text: string) => void {
  let rest = '';
  let block: Block | undefined;
  const line = (text: string) => {
    if (!text) {
      if (block) take(block);
      block = undefined;
      return;
    }
    const colon = text.indexOf(':');
    if (!colon) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1);
    block ||= { event: 'message', data: '' };
    if (field === 'data') block.data += (block.data && '\n') + value;
    else if (field === 'event' || field === 'id') block[field] = value;
    else if (field === 'retry' && /^\d+$/.test(value)) block.retry = +value;
  };
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    lines.forEach(line);
  };
}
