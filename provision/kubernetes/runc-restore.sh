#!/bin/sh
# The runtime of pods of the RuntimeClass testbed-restore: runc, but for one thing. A container whose pod is annotated
# migration-testbed.restore=FOLDER is not begun anew: it is made ready, with its sandbox and its image, and waits; when told, it goes on from a
# checkpoint that has come meanwhile. What kubelet and containerd see is a container that takes a while to be created.
#   runc-restore …                as containerd calls runc
# In FOLDER: `ready` appears when it waits, with the pod's address and the container's writable layer, which can be written to until it is told;
# `told` is a pipe that a line is written to; `images` then holds CRIU's; `restored` appears with runc's exit code.
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
marks=/run/migration-testbed-kubernetes/restored
command='' bundle='' pidfile='' id='' before='' option=''
for argument; do
  case $option in
    --bundle) bundle=$argument ;;
    --pid-file) pidfile=$argument ;;
  esac
  case $option in
    --bundle | --pid-file | --root | --log | --log-format | --console-socket) option='' ;;
    *)
      option=$argument id=$argument
      case $argument in
        -*) ;;
        *) [ -n "$command" ] || command=$argument ;;
      esac
      ;;
  esac
  [ -n "$command" ] || before="$before $argument"
done

case $command in
  start)
    # It runs since it was restored.
    if [ -e "$marks/$id" ]; then rm "$marks/$id" && exit 0; fi
    ;;
  create)
    of() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$bundle/config.json"; }
    folder=$(of migration-testbed.restore)
    if [ -n "$folder" ] && [ -p "$folder/told" ] && [ "$(of io.kubernetes.cri.container-type)" = container ]; then
      layers=$(awk -v at="$bundle/rootfs" '$5 == at { print $NF }' /proc/self/mountinfo | tr , '\n' | grep -E '^(lowerdir|upperdir|workdir)=')
      umount "$bundle/rootfs" || exit 1
      netns=$(grep -o '"type":"network","path":"[^"]*"' "$bundle/config.json" | cut -d '"' -f 8)
      address=$(nsenter "--net=$netns" ip -o -4 address show dev eth0 | awk '{ sub("/.*", "", $4); print $4; exit }')
      printf '%s %s\n' "$address" "$(printf '%s\n' "$layers" | sed -n 's/^upperdir=//p')" >"$folder/ready.new"
      mv "$folder/ready.new" "$folder/ready"
      read -r _ <"$folder/told" || exit 1
      mount -t overlay -o "$(printf '%s\n' "$layers" | paste -s -d ,)" overlay "$bundle/rootfs" || exit 1
      # shellcheck disable=SC2086 # options as they came
      runc $before restore --detach --no-subreaper --bundle "$bundle" --pid-file "$pidfile" --image-path "$folder/images" \
        --work-path "$folder" "$id"
      code=$?
      [ "$code" != 0 ] || { mkdir -p "$marks" && : >"$marks/$id"; }
      echo "$code" >"$folder/restored.new"
      mv "$folder/restored.new" "$folder/restored"
      exit "$code"
    fi
    ;;
esac
exec runc "$@"
