// Runs before every page (Next's "proxy", once "middleware"; not a flag proxy).
import { NextResponse } from 'next/server';

/** Gives every visitor a session, so that gradual rollouts decide alike on the server, in the browser and next time. */
export function proxy(request) {
  if (request.cookies.has('session')) return NextResponse.next();
  const session = crypto.randomUUID();
  request.cookies.set('session', session); // for this render
  const response = NextResponse.next({ request });
  response.cookies.set('session', session, { httpOnly: true, sameSite: 'lax' });
  return response;
}

export const config = { matcher: '/' };
