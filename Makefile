# bucketline. `make demo` and `make test` do everything; `make help` lists the rest.
#
# One Makefile, no recursion into folders. VARIANT= | asan | tsan picks the build beside the others.

VARIANT ?=
CC      ?= gcc
SHELL   := /bin/bash
.DEFAULT_GOAL := all

B   := build$(if $(VARIANT),/$(VARIANT))
DEP := build/deps

DUCKDB_DIR ?= $(CURDIR)/$(DEP)/duckdb
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wformat=2 -Wpointer-arith -Wvla
SAN_asan := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
SAN_tsan := -fsanitize=thread
SAN  := $(SAN_$(VARIANT))
OPT  := $(if $(VARIANT),-O1,-O2)

# Debian's isa-l and libzip have pkg-config files; the others are plain -l.
CFLAGS   ?= -g $(OPT)
CPPFLAGS := -I. -isystem $(DUCKDB_DIR)/include -D_GNU_SOURCE
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) -fstack-protector-strong -pthread $(SAN)
LDFLAGS_COMMON := -pthread $(SAN) -Wl,--as-needed
RPATH := -Wl,-rpath,'$$ORIGIN/../deps/duckdb/lib' -Wl,-rpath,'$$ORIGIN/../../deps/duckdb/lib' \
         -Wl,-rpath,$(abspath $(DUCKDB_DIR)/lib)

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
KIT  := $(wildcard tests/kit/*.c)

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
	@$(CC) $(LDFLAGS_COMMON) $(if $(findstring worker,$(1)),$(RPATH)) -o $$@ $(call obj,$(2)) \
	    -Wl,--start-group $(3) -Wl,--end-group $(4)
endef
$(eval $(call program,bucketline-api,api/main.c,$(call lib,api) $(STORE) $(LINQ) $(BASE),$(LIBS_api) $(LIBS_store) $(LIBS_base) -lm))
$(eval $(call program,bucketline-worker,worker/main.c,$(WORKER) $(SPOOL) $(STORE) $(LINQ) $(BASE),$(LIBS_worker) $(LIBS_store) $(LIBS_base) -lm))
$(eval $(call program,bucketline-uploader,uploader/main.c,$(call lib,uploader) $(SPOOL) $(S3) $(STORE) $(BASE),$(LIBS_s3) $(LIBS_store) $(LIBS_base) -lm))
$(eval $(call program,bucketline,api/client/main.c,$(call lib,api/client) $(SPOOL) $(S3) $(STORE) $(LINQ) $(BASE),$(LIBS_s3) $(LIBS_store) $(LIBS_base) -lm))

# --- tests -----------------------------------------------------------------------------------

ALL_ARCHIVES := $(foreach f,$(FOLDERS),$(call lib,$(f)))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNIT))

# A unit test takes from the archives what it needs; the engine's library is not needed by most.
$(B)/tests/test_%: $(B)/obj/tests/unit/test_%.o $(call obj,$(KIT)) $(ALL_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD $(if $(VARIANT),[$(VARIANT)] )$@"
	@$(CC) $(LDFLAGS_COMMON) $(RPATH) -o $@ $(filter %.o,$^) -Wl,--start-group $(ALL_ARCHIVES) \
	    -Wl,--end-group -lcmocka $(ALL_LIBS)

.PHONY: unit
unit: $(UNIT_BIN)

-include $(patsubst %.c,$(B)/obj/%.d,$(SRCS) $(MAINS) $(UNIT) $(KIT))

.PHONY: FORCE
FORCE:

.SECONDARY:
