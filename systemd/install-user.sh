#!/bin/sh
# install-user.sh BIN: put the programs in BIN on your path and enable your own service. Run by `make install-user`.
set -eu
bin=$1
here=$(dirname "$0")
units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user

mkdir -p "$HOME/.local/bin"
ln -sf "$bin/orc" "$bin/orchestratord" "$bin/orchestrator-keeper" "$HOME/.local/bin/"
install -D -m 644 -t "$units" "$here"/user/*.service "$here"/user/*.socket "$here"/user/*.target
systemctl --user daemon-reload
systemctl --user enable orchestrator.service orchestrator.socket orchestrator-keeper.socket
systemctl --user start orchestrator.socket orchestrator-keeper.socket

echo "Installed: $HOME/.local/bin/orc. The daemon starts at the first request (orc status) and is restarted when it dies."
echo "To let it run while you are logged out, and from boot on: loginctl enable-linger"
