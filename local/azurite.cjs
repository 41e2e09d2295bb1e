// Azurite that ends with whoever started it: its standard input closes then.
process.stdin.resume().on("end", () => process.exit(0));
require("azurite/dist/src/azurite.js");
