#!/bin/sh
# install-user.sh BIN: put the programs in BIN on your path and enable your own service. Run by `make install-user`.
set -eu
bin=$1
here=$(dirname "$0")
units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user

mkdir -p "$HOME/.local/bin"
ln -sf "$bin/orc" "$bin/orchestratord" "$bin/orchestrator-keeper" "$HOME/.local/bin/"
install -D -m 644 -t "$units" "$here"/user/*.service "$here"/user/*.socket "$here"/user/*.target
if ! systemctl --user daemon-reload; then
    echo "The programs and the units are in place, but your service manager does not answer: this is no login session, or this" >&2
    echo "machine has no systemd. $HOME/.local/bin/orc works without it, by starting private daemons. To enable the service, do this" >&2
    echo "again in a login session (after su or sudo: machinectl shell $(id -un)@)." >&2
    exit 1
fi
systemctl --user enable orchestrator.service orchestrator.socket orchestrator-keeper.socket
systemctl --user start orchestrator.socket orchestrator-keeper.socket

echo "Installed: $HOME/.local/bin/orc. The daemon starts at the first request (orc status) and is restarted when it dies."
case :$PATH: in *":$HOME/.local/bin:"*) ;; *) echo "Put $HOME/.local/bin on your PATH." ;; esac
echo "To let it run while you are logged out, and from boot on: loginctl enable-linger"
