# Thin: everything is built by meson and ninja; the steps around it are programs in tools/.
.PHONY: run stop test bench fuzz fmt lint clean

run:
	@tools/install-deps run
	@tools/run

stop:
	@tools/stop

test:
	@tools/install-deps run test
	@tools/test-all

bench:
	@tools/install-deps run bench
	@tools/bench-all

fuzz:
	@tools/install-deps run test
	@tools/fuzz --seconds $${SECONDS_EACH:-60}

fmt:
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

lint:
	@tools/install-deps run test
	@tools/lint

clean:
	rm -rf build
