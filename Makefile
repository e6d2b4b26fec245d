# bucketline. `make demo` and `make test` do everything; `make help` lists the rest.
#
# One Makefile, no recursion into folders. VARIANT= | asan | tsan | clang | fuzz picks the build beside the others.

VARIANT ?=
ifeq ($(origin CC),default)
CC := gcc
endif
SHELL   := /bin/bash
.DEFAULT_GOAL := all

B   := build$(if $(VARIANT),/$(VARIANT))
DEP := build/deps

# Any DuckDB with lib/ and include/ serves; setup.sh puts one into build/deps.
DUCKDB_OWN := $(CURDIR)/$(DEP)/duckdb
DUCKDB_DIR ?= $(DUCKDB_OWN)
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wformat=2 -Wpointer-arith -Wvla $(if $(WERROR),-Werror)
SAN_asan := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
SAN_tsan := -fsanitize=thread
SAN_fuzz := -fsanitize=address,undefined,fuzzer-no-link -fno-omit-frame-pointer
SAN  := $(SAN_$(VARIANT))
OPT  := $(if $(SAN),-O1,-O2)

# Debian's isa-l and libzip have pkg-config files; the others are plain -l.
CFLAGS   ?= -g $(OPT)
CPPFLAGS := -I. -isystem $(DUCKDB_DIR)/include -D_GNU_SOURCE
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) -fstack-protector-strong -pthread $(SAN)
LDFLAGS_COMMON := -pthread $(SAN) -Wl,--as-needed
comma := ,
RPATH := -Wl,-rpath,'$$ORIGIN/../deps/duckdb/lib' -Wl,-rpath,'$$ORIGIN/../../deps/duckdb/lib' \
         $(addprefix -Wl$(comma)-rpath$(comma),$(patsubst %,%/lib,$(filter-out $(DUCKDB_OWN),$(DUCKDB_DIR))))

LIBS_base  := -lcrypto -lcjson -levent_core -levent_extra
LIBS_store := -lhiredis
LIBS_s3    := -lcurl
LIBS_api   := -lhttp_parser -lhiredis -levent_core -levent_extra
LIBS_worker := -L$(DUCKDB_DIR)/lib -lduckdb -lisal -lz -lzip
ALL_LIBS   := $(LIBS_worker) $(LIBS_s3) $(LIBS_store) $(LIBS_api) $(LIBS_base) -lz -lm

# --- sources: every folder is found, nothing is listed by hand -------------------------------

SHELVES := common/base common/linq common/store common/s3 common/spool
FOLDERS := $(SHELVES) api api/client worker worker/engine worker/encode worker/chunk uploader
MAINS   := api/main.c api/client/main.c worker/main.c uploader/main.c

src = $(filter-out $(MAINS),$(wildcard $(1)/*.c))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
lib = $(B)/lib/$(subst /,-,$(1)).a

SRCS := $(foreach f,$(FOLDERS),$(call src,$(f)))
UNIT := $(wildcard tests/unit/test_*.c)

BASE   := $(call lib,common/base)
STORE  := $(call lib,common/store)
LINQ   := $(call lib,common/linq)
S3     := $(call lib,common/s3)
SPOOL  := $(call lib,common/spool)
WORKER := $(call lib,worker) $(call lib,worker/engine) $(call lib,worker/encode) $(call lib,worker/chunk)

# main source -> program
PROGRAM_api/main.c        := bucketline-api
PROGRAM_worker/main.c     := bucketline-worker
PROGRAM_uploader/main.c   := bucketline-uploader
PROGRAM_api/client/main.c := bucketline
BIN := $(foreach m,$(wildcard $(MAINS)),$(B)/bin/$(PROGRAM_$(m)))

.PHONY: all
all: $(BIN)

define library
$(call lib,$(1)): $(call obj,$(call src,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call library,$(f))))

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $(if $(VARIANT),[$(VARIANT)] )$<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The version is a file, so that a new commit rebuilds one object only.
$(B)/version.txt: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(B)/obj/common/base/service.o: $(B)/version.txt
$(B)/obj/common/base/service.o: CPPFLAGS += -DBUCKETLINE_VERSION='"$(VERSION)"'
$(B)/obj/common/store/store_scripts.o: $(wildcard common/store/lua/*.lua)

define program
$(B)/bin/$(1): $(call obj,$(2)) $(3)
	@mkdir -p $$(@D)
	@echo "  LD $(if $(VARIANT),[$(VARIANT)] )$$@"
	@$(CC) $(LDFLAGS_COMMON) $(if $(findstring worker,$(1)),$$(RPATH)) -o $$@ $(call obj,$(2)) \
	    -Wl,--start-group $(3) -Wl,--end-group $(4)
endef
$(eval $(call program,bucketline-api,api/main.c,$(call lib,api) $(STORE) $(LINQ) $(S3) $(BASE),$(LIBS_api) $(LIBS_s3) $(LIBS_base) -lm))
$(eval $(call program,bucketline-worker,worker/main.c,$(WORKER) $(SPOOL) $(STORE) $(LINQ) $(BASE),$(LIBS_worker) $(LIBS_store) $(LIBS_base) -lm))
$(eval $(call program,bucketline-uploader,uploader/main.c,$(call lib,uploader) $(SPOOL) $(S3) $(STORE) $(BASE),$(LIBS_s3) $(LIBS_store) $(LIBS_base) -lm))
$(eval $(call program,bucketline,api/client/main.c,$(call lib,api/client) $(SPOOL) $(S3) $(STORE) $(LINQ) $(BASE),$(LIBS_s3) $(LIBS_store) $(LIBS_base) -lm))

# --- tests -----------------------------------------------------------------------------------

ALL_ARCHIVES := $(foreach f,$(FOLDERS),$(call lib,$(f)))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNIT))

# A unit test takes from the archives what it needs; the engine's library is not needed by most.
$(B)/tests/test_%: $(B)/obj/tests/unit/test_%.o $(ALL_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $(if $(VARIANT),[$(VARIANT)] )$@"
	@$(CC) $(LDFLAGS_COMMON) $(RPATH) -o $@ $(filter %.o,$^) -Wl,--start-group $(ALL_ARCHIVES) \
	    -Wl,--end-group -lcmocka $(ALL_LIBS)

.PHONY: unit fuzzers
unit: $(UNIT_BIN)

# Fuzzers: each file is one entry point. With fuzz_main.c it runs a seeded sample anywhere; with
# clang's libFuzzer (VARIANT=fuzz) it looks for new inputs.
FUZZ := $(filter-out tests/fuzz/fuzz_main.c,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ))
FUZZ_MAIN := $(if $(filter fuzz,$(VARIANT)),,$(B)/obj/tests/fuzz/fuzz_main.o)
fuzzers: $(FUZZ_BIN)

$(B)/fuzz/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(FUZZ_MAIN) $(ALL_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $(if $(VARIANT),[$(VARIANT)] )$@"
	@$(CC) $(LDFLAGS_COMMON) $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer) $(RPATH) -o $@ \
	    $(filter %.o,$^) -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group $(ALL_LIBS)

# Small programs beside the product: data for the demo, the bench, other readers for the tests.
TOOL_SRCS := $(wildcard deploy/demo/*.c tests/bench/*.c tests/kit/*.c tests/conformance/*.c)
TOOLS := $(patsubst %.c,$(B)/tools/%,$(notdir $(TOOL_SRCS)))
.PHONY: tools
tools: $(TOOLS)

define tool
$(B)/tools/$(notdir $(1:.c=)): $(B)/obj/$(1:.c=.o) $$(ALL_ARCHIVES)
	@mkdir -p $$(@D)
	@echo "  LD $(if $(VARIANT),[$(VARIANT)] )$$@"
	@$$(CC) $$(LDFLAGS_COMMON) $$(RPATH) -o $$@ $$(filter %.o,$$^) -Wl,--start-group \
	    $$(ALL_ARCHIVES) -Wl,--end-group $$(ALL_LIBS)
endef
$(foreach t,$(TOOL_SRCS),$(eval $(call tool,$(t))))

-include $(patsubst %.c,$(B)/obj/%.d,$(SRCS) $(MAINS) $(UNIT) $(FUZZ) $(TOOL_SRCS))

# --- what people type ------------------------------------------------------------------------

# The packages must be there before anything is compiled, so these build in a second make.
BUILD = $(MAKE) --no-print-directory -j$(shell nproc)
.PHONY: help setup demo up down status test test-fault test-soak test-fuzz bench clean 

help:
	@echo 'make demo        set up, build, start the local stack, export real data, verify it'
	@echo 'make test        set up, build (plain and ASan+UBSan), run all tests'
	@echo 'make up          start the local stack under build/local (or what is missing of it)'
	@echo 'make status      show it'
	@echo 'make down        stop it'
	@echo 'make bench       5 million rows against the engine'"'"'s own gzip CSV copy'
	@echo 'make test-fault, test-soak, test-fuzz   the long runs (FAULT_ROUNDS, SOAK_SECONDS, FUZZ_SECONDS)'
	@echo 'make clean       stop the stack, remove build/'
	@echo 'make all         the four programs in build/bin; VARIANT=asan builds in build/asan'

setup:
	@deploy/setup.sh

demo: setup
	@$(BUILD) all tools
	@deploy/demo.sh

up: setup
	@$(BUILD) all
	@deploy/stack.sh up

down:
	@deploy/stack.sh down

status:
	@deploy/stack.sh status

TEST_BUILD = $(BUILD) WERROR=1 all unit tools && \
             $(BUILD) WERROR=1 VARIANT=asan all unit fuzzers tools
test:
	@deploy/setup.sh --tests
	@$(TEST_BUILD)
	@tests/run.sh

test-fault test-soak:
	@deploy/setup.sh --tests
	@$(TEST_BUILD)
	@tests/run.sh $@

test-fuzz:
	@deploy/setup.sh --tests
	@$(BUILD) VARIANT=fuzz CC=clang fuzzers
	@tests/run.sh $@

bench: setup
	@$(BUILD) all tools
	@tests/bench/bench.sh

clean:
	@deploy/stack.sh clean
	@rm -rf build

.PHONY: FORCE
FORCE:

.SECONDARY:
