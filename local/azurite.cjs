// Each line of standard input is a number of seconds by which Azurite's clock goes forward. When
// standard input closes, because the process that started Azurite has ended, Azurite ends as well.
const readline = require("node:readline");
const RealDate = Date;
let forward = 0;

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length ? parts : [RealDate.now() + forward]));
  }
  static now() {
    return RealDate.now() + forward;
  }
};

readline
  .createInterface({ input: process.stdin })
  .on("line", (seconds) => {
    forward += Number(seconds) * 1000;
    console.log(`clock moved by ${seconds} s`);
  })
  .on("close", () => process.exit(0));
require("azurite/dist/src/azurite.js");
