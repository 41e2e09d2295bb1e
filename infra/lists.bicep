// How the comma-separated parameters are read.

@description('The parts, without blanks around them and without empty ones.')
@export()
func listed(text string) string[] => filter(map(split(text, ','), part => trim(part)), part => !empty(part))

@description('The id of a subscription in lower case. The deployment fails if the text is no such id.')
@export()
func subscriptionIdOf(text string) string =>
  join(map(split(text, '-'), part => string(length(part))), '-') == '8-4-4-4-12' && empty(filter(
      range(0, length(text)),
      place => !contains('0123456789abcdef-', toLower(substring(text, place, 1)))
    ))
    ? toLower(text)
    : fail('"${text}" is not the id of a subscription.')
