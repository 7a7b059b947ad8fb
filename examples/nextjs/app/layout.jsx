import { connection } from 'next/server';
import { RuntimeConfigScript } from '../shared/config/RuntimeConfigScript';

export const metadata = { title: 'Shop' };

export default async function Layout({ children }) {
  await connection(); // renders at every request: a page made by `next build` would hold the configuration of the build
  return (
    <html lang="en">
      <head>
        <RuntimeConfigScript />
      </head>
      <body>{children}</body>
    </html>
  );
}
