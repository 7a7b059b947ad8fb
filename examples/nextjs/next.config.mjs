/** Nothing here names a server or a token: those are read when the app runs, never when it is built. */
export default {
  poweredByHeader: false,
  turbopack: { root: import.meta.dirname },
};
