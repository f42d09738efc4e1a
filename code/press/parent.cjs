// Loaded before the KaTeX server: it ends when the press that started it is gone, however that ended.
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.exit(0); }, 500).unref();
