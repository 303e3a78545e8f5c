// A plugin of typedoc: the exports of `libsystemd` on one page a topic, instead of on one page for all.
//
// The topic of an export is the folder of lib/ that declares it, so no doc comment needs a tag for it.
import {
  Comment,
  Converter,
  DeclarationReflection,
  ReflectionGroup,
  ReflectionKind,
} from 'typedoc';

const ENTRY = 'libsystemd';

/** The page of each folder of lib/ that declares exports: its name, and its description in the index. */
const TOPICS = {
  service: ['service', '`serve()`: a whole service, its options and its hooks'],
  traffic: ['service'],
  activation: [
    'sockets',
    'The sockets that systemd passed: `listen()`, `listenFds()`, `connection()`',
  ],
  notification: [
    'notification',
    'What the service manager is told: `notify`, `watchdog`, `booted()`',
  ],
  pressure: ['memory-pressure', '`onMemoryPressure()`: what to do when memory is short'],
  store: ['fd-store', '`fdStore`: descriptors and bytes that survive a restart'],
  descriptor: [
    'descriptors',
    'What a descriptor is: `inspect()`, `acceptQueue()`, `peerCredentials()`, addresses',
  ],
  base: ['errors', '`SystemdError`'],
};

function topicOf(project, declaration) {
  const path = project.getSymbolIdFromReflection(declaration)?.packagePath ?? '';
  const [, folder] = path.split('/');
  const topic = TOPICS[folder]?.[0];
  if (topic !== undefined) return topic;
  throw new Error(
    `${declaration.name} is declared in ${path}: name the page of this folder in scripts/typedoc-topics.mjs`,
  );
}

/** A page for each topic, in the order of the list, with its line for the index. */
function addPages(project) {
  const pages = Object.values(TOPICS)
    .filter(([, line]) => line !== undefined)
    .map(([name, line]) => {
      const page = new DeclarationReflection(name, ReflectionKind.Module, project);
      page.comment = new Comment([{ kind: 'text', text: `${line}.` }]);
      project.registerReflection(page, undefined, undefined);
      project.addChild(page);
      return [name, page];
    });
  return new Map(pages);
}

/** The groups of the entry (functions, interfaces …), each with its members on the page. */
function groupsOf(page, entry) {
  return entry.groups.flatMap(({ title, children }) => {
    const group = new ReflectionGroup(title, page);
    group.children = children.filter(({ parent }) => parent === page);
    return group.children.length > 0 ? [group] : [];
  });
}

function splitByTopic({ project }) {
  const entry = project.children.find(({ name }) => name === ENTRY);
  const pages = addPages(project);
  for (const declaration of [...entry.children]) {
    const page = pages.get(topicOf(project, declaration));
    entry.removeChild(declaration);
    declaration.parent = page;
    page.addChild(declaration);
  }
  for (const page of pages.values()) page.groups = groupsOf(page, entry);
  const [modules] = project.groups;
  modules.children = [...pages.values(), ...modules.children.filter((other) => other !== entry)];
  project.removeReflection(entry);
}

export function load(app) {
  // The low priority runs splitByTopic last, after typedoc has resolved the links, for which each symbol must still be
  // in its own module, and has made the groups.
  app.converter.on(Converter.EVENT_RESOLVE_END, splitByTopic, -1000);
}
