# What tools/run and tools/stop share: where things are, and the life of a program. To be sourced from the repository's root.
export LC_ALL=C.UTF-8
bin=build/bin
var=var
run=$var/run
log=$var/log
umask 022

say() { printf '%s\n' "$*"; }
die() { printf 'make run: %s\n' "$*" >&2; exit 1; }

# The pid file's process, if it still is that program (pids are used again).
pid_of() {
	local pid
	pid=$(cat "$run/$1.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$(readlink -f "$bin/$1")" ] && echo "$pid"
}

# wait_for SECONDS CONDITION…: false when the condition did not come
wait_for() {
	local left=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.05
	done
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start NAME READY_CONDITION -- ARGUMENTS…: starts build/bin/NAME unless it runs, and waits until it is ready
start() {
	local name=$1 ready=$2 socket=
	case $name in khien-ca) socket=$run/ca.sock ;; khien-agent) socket=$var/agent/control.sock ;; esac
	shift 3
	if ! pid_of "$name" >/dev/null; then
		[ -z "$socket" ] || rm -f "$socket" # one that a killed process left is no sign of life
		setsid "$bin/$name" "$@" >>"$log/$name.log" 2>&1 </dev/null &
		echo $! >"$run/$name.pid"
	fi
	wait_for 30 ready_or_dead "$name" "$ready" || true
	pid_of "$name" >/dev/null && $ready || {
		tail -n 20 "$log/$name.log" >&2
		die "$name did not start; its log is $log/$name.log"
	}
}

ready_or_dead() { $2 || ! pid_of "$1" >/dev/null; }

stop_program() {
	local pid
	pid=$(pid_of "$1") || { rm -f "$run/$1.pid"; return 0; }
	kill -TERM "$pid" 2>/dev/null || true
	wait_for 40 gone "$pid" || { say "$1 did not end; killing it"; kill -KILL "$pid" 2>/dev/null || true; wait_for 5 gone "$pid" || true; }
	rm -f "$run/$1.pid"
}

gone() { [ ! -d "/proc/$1" ]; }
