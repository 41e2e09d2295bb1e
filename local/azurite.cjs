// Azurite ends with the process that started it, because then its standard input closes.
process.stdin.resume().on("end", () => process.exit(0));
require("azurite/dist/src/azurite.js");
