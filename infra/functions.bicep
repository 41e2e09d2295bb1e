// What main.bicep works out from its parameters. A deployment that cannot end well fails here at once.
import { SystemTopic } from 'types.bicep'

@description('The queue that Event Grid fills.')
@export()
var eventQueue = 'resource-events'

@description('The container of the events that Event Grid could not deliver.')
@export()
var deadLetterContainer = 'resource-events-dead-letters'

@description('The parts, without blanks around them and without empty ones.')
@export()
func listed(text string) string[] => filter(map(split(text, ','), part => trim(part)), part => !empty(part))

@description('The address of the gateway in front of the app, without a slash at its end. Empty if the setting names none.')
@export()
func gatewayOf(publicUrl string) string =>
  !startsWith(toLower(trim(publicUrl)), 'https://')
    ? ''
    : endsWith(trim(publicUrl), '/') ? take(trim(publicUrl), length(trim(publicUrl)) - 1) : trim(publicUrl)

@description('The id of a subscription in lower case. The deployment fails if the text is no such id.')
@export()
func subscriptionIdOf(text string) string =>
  join(map(split(text, '-'), part => string(length(part))), '-') == '8-4-4-4-12' && empty(filter(
      range(0, length(text)),
      place => !contains('0123456789abcdef-', toLower(substring(text, place, 1)))
    ))
    ? toLower(text)
    : fail('"${text}" is not the id of a subscription.')

@description('The plan for this cloud and region. If none is given, the public cloud has Flex Consumption.')
@export()
func planOf(given string, cloud string, location string) 'flex' | 'premium' =>
  given == 'premium' || (empty(given) && cloud != 'AzureCloud')
    ? 'premium'
    : cloud != 'AzureCloud'
        ? fail('Of all clouds, only the public cloud has Flex Consumption. Set hostingPlan to premium.')
        : given == 'flex' || contains(loadJsonContent('flex-regions.json').regions, toLower(replace(location, ' ', '')))
            ? 'flex'
            : fail('${location} had no Flex Consumption on ${loadJsonContent('flex-regions.json').date}. Set hostingPlan to premium, or to flex if the region has it by now.')

@description('The redundancy of the storage. If none is given, it is in three zones where the region has them.')
@export()
func storageSkuOf(given string, location string) string =>
  !empty(given)
    ? given
    : contains(loadJsonContent('zone-regions.json').regions, toLower(replace(location, ' ', '')))
        ? 'Standard_ZRS'
        : 'Standard_LRS'

@description('The parts of the id of a Key Vault secret.')
@export()
func secretPartsOf(id string) string[] =>
  length(split(id, '/')) == 11 ? split(id, '/') : fail('"${id}" is not the id of a secret of a Key Vault.')

@description('The system topic of each subscription: the one that it has already, or ours. A subscription can have one only.')
@export()
func systemTopicsOf(existingIds string, subscriptionIds string[], ourGroup string, ourName string) SystemTopic[] =>
  map(
    subscriptionIds,
    id =>
      onlyTopicOf(
        filter(existingTopicsOf(existingIds, subscriptionIds), topic => topic.subscription == id),
        { subscription: id, group: ourGroup, name: ourName, isOurs: true }
      )
  )

func onlyTopicOf(existing SystemTopic[], ours SystemTopic) SystemTopic =>
  length(existing) > 1
    ? fail('A subscription can have one system topic only, and systemTopicIds has ${length(existing)} of ${ours.subscription}.')
    : empty(existing)
        ? ours
        : '${existing[0].group}/${existing[0].name}' == toLower('${ours.group}/${ours.name}') ? ours : existing[0]

func existingTopicsOf(ids string, subscriptionIds string[]) SystemTopic[] =>
  // A union with itself has each id once.
  map(union(listed(toLower(ids)), listed(toLower(ids))), id => watchedTopicOf(topicPartsOf(id), subscriptionIds))

func watchedTopicOf(parts string[], subscriptionIds string[]) SystemTopic =>
  contains(subscriptionIds, parts[2])
    ? { subscription: parts[2], group: parts[4], name: parts[8], isOurs: false }
    : fail('The system topic ${parts[8]} is of the subscription ${parts[2]}, which is not watched.')

@description('The parts of the id of a system topic in lower case.')
func topicPartsOf(id string) string[] =>
  join(map(split(id, '/'), (part, place) => contains([2, 4, 8], place) && !empty(part) ? '*' : part), '/') == '/subscriptions/*/resourcegroups/*/providers/microsoft.eventgrid/systemtopics/*'
    ? split(id, '/')
    : fail('"${id}" is not the id of a system topic of Event Grid.')
