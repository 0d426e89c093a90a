import { TestbedError } from '../../core/errors.ts'
import { humanSize } from '../../core/units.ts'
import { addBox, boxName, boxRequirements, packBox } from '../../providers/images/box.ts'
import { prepareGuestImage } from '../../providers/images/guest-image.ts'
import { listGuestImages } from '../../providers/images/list.ts'
import { installMissing } from '../../providers/requirements.ts'
import { contextFor } from '../../testbed/context.ts'
import { advise, columns, print, printJson } from '../output.ts'
import { createView } from '../progress.ts'
import type { Session } from '../session.ts'
import { loadWith, type TestbedOptions } from '../testbed-options.ts'

type Options = TestbedOptions & { readonly install?: boolean; readonly json?: boolean }

/** `testbed image list | build [NAME] | box`: what virtual machines are started from. */
export async function image(session: Session, options: Options, args: readonly string[]): Promise<undefined> {
  const [action = '', name] = args
  if (action === 'list') await list(options)
  else if (action === 'build') await build(session, options, name)
  else if (action === 'box') await box(session, options)
  else {
    throw new TestbedError('configuration', `there is no testbed image ${action}`, {
      hint: 'testbed image list, testbed image build [NAME] or testbed image box',
    })
  }
}

async function list(options: Options): Promise<void> {
  const { value } = await loadWith(options)
  const images = await listGuestImages(
    contextFor(value.name, () => {}),
    value,
  )
  if (options.json === true) {
    printJson(images)
    return
  }
  const rows = images.map(({ name, digest, state, bytes }) => [
    name,
    digest,
    state,
    bytes === undefined ? '–' : humanSize(bytes),
  ])
  print(columns([['image', 'digest', 'state', 'size'], ...rows]))
  const outdated = images.flatMap(({ state, folder = '' }) => (state === 'outdated' ? [folder] : []))
  if (outdated.length > 0) advise(`\nno longer used: rm -r ${outdated.join(' ')}`)
}

async function build({ signal }: Session, options: Options, name: string | undefined): Promise<void> {
  const { value } = await loadWith(options)
  const view = await createView([])
  const wanted = name === undefined ? value : { ...value, image: name }
  const made = await view.during(() =>
    prepareGuestImage(contextFor(value.name, view.progress), wanted, signal),
  )
  if (options.json === true) printJson(made)
  else print(columns([[made.name, made.digest, made.disk]]))
}

async function box({ signal }: Session, options: Options): Promise<void> {
  const { value } = await loadWith(options)
  const view = await createView([])
  const context = contextFor(value.name, view.progress)
  const result = await view.during(async () => {
    if (options.install === true) await installMissing(await boxRequirements(), view.progress, signal)
    const packed = await packBox(context, value, signal)
    return { ...packed, added: await addBox(context, packed, signal) }
  })
  if (options.json === true) printJson(result)
  else {
    print(columns([[boxName, result.version, result.box]]))
    advise(
      result.added
        ? `\n${boxName} is there for Vagrant (libvirt). Next: set vagrant.box to ${boxName} in the testbed file`
        : `\nvagrant is not installed here. Where it is: vagrant box add ${result.catalog}`,
    )
  }
}
