// What Kusto's own language service finds wrong with each query, and the columns that it gives.
// argv: [{"schema": {table: {column: type}}, "queries": {name: text}}]; stdout: {name: {faults, columns}}
require("@kusto/language-service-next/bridge.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.js");
const { KustoCode, GlobalState, Symbols } = Kusto.Language;

const listed = (found) => Array.from({ length: found?.Count ?? 0 }, (_, i) => found.getItem(i));
const globalsOf = (schema) => {
  const tables = Object.entries(schema).map(([name, columns]) => {
    const declared = Object.entries(columns).map(([column, type]) => `${column}: ${type}`);
    return Symbols.TableSymbol.From(`(${declared.join(", ")})`).WithName(name);
  });
  return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("log", tables));
};
const answer = {};
for (const { schema, queries } of JSON.parse(process.argv[2])) {
  const globals = globalsOf(schema);
  for (const [name, text] of Object.entries(queries)) {
    const code = KustoCode.ParseAndAnalyze(text, globals);
    answer[name] = {
      faults: listed(code.GetDiagnostics()).map((fault) => fault.Message),
      columns: listed(code.ResultType?.Columns).map((column) => column.Name),
    };
  }
}
console.log(JSON.stringify(answer));
