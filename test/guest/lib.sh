# SPDX-License-Identifier: BSD-2-Clause
# For check scripts: `. "$CASE_DIR/../lib.sh"`. Functions end the script with status 125 when the box
# failed, which is no failure of the subject.
set -u
failed=0

dom0() { "$XENBOX" -b "$BOX_NAME" exec "$@"; }

# fail TEXT…: one more thing is not as it should be.
fail() {
	echo "$*"
	failed=1
}

# guest FILE ARG…: xenbox run ARG…, all output into FILE; its status in $status.
guest() {
	local file=$1
	shift
	status=0
	"$XENBOX" -b "$BOX_NAME" run --timeout 240 --status-file "$file.status" "$@" >"$file" 2>"$file.err" </dev/null || status=$?
	tr -d '\r' <"$file" >"$file.text"
	mv "$file.text" "$file"
	if [ "$status" = 125 ] && [ "$(cat "$file.status")" = box ]; then
		cat "$file" "$file.err"
		exit 125
	fi
}

# shows FILE REGEX…: each must be there.
shows() {
	local file=$1 regex
	shift
	for regex; do
		grep -qE -e "$regex" "$file" || { fail "$file does not show /$regex/"; cat "$file"; }
	done
}

# create NAME LINE…: a domain of $IMAGE by the stock xl, each LINE one of the configuration;
# paused when $create_flags is -p.
create() {
	local name=$1
	shift
	printf '%s\n' "name = \"$name\"" "type = \"pv\"" "kernel = \"/tmp/$name.image\"" \
		'memory = 16' 'tsc_mode = "native"' "$@" >"$OUT/$name.cfg"
	cp "$IMAGE" "$OUT/$name.image"
	"$XENBOX" -b "$BOX_NAME" push "$OUT/$name.image" "$OUT/$name.cfg" /tmp
	rm -f "$OUT/$name.image"
	dom0 xl create ${create_flags:-} "/tmp/$name.cfg" >"$OUT/$name.xl" 2>&1 || { cat "$OUT/$name.xl"; return 1; }
}

# remove NAME: the domain and what create() left.
remove() {
	dom0 sh -c "xl destroy $1; rm -f /tmp/$1.image /tmp/$1.cfg" >/dev/null 2>&1
}

# destroy_running NAME PID: destroys the domain until what runs it has ended (one try may come to nothing
# in a busy box).
destroy_running() {
	while kill -0 "$2" 2>/dev/null; do
		dom0 xl destroy "$1" >/dev/null 2>&1
		sleep 0.5
	done
	wait "$2"
}

# dom0_until COMMAND: until the shell command succeeds in dom0, or two minutes have passed.
dom0_until() {
	dom0 sh -c "for i in \$(seq 600); do if $1; then exit 0; fi; sleep 0.2; done; exit 1" \
		>/dev/null 2>&1 || { fail "never in dom0: $1"; return 1; }
}

# on_vcpus COUNT…: the image on as many vCPUs, one after the other; all its checks hold each time.
on_vcpus() {
	local count
	for count; do
		guest "$OUT/console.$count" --timeout 1000 --memory 96 --vcpus "$count" "$IMAGE" -- "$count"
		[ "$status" = 0 ] || { fail "$count vCPUs: status $status"; cat "$OUT/console.$count"; continue; }
		shows "$OUT/console.$count" '^all [0-9]+ checks hold$'
	done
}
