# usearch (headers) over NumKong, its SIMD kernels. With dynamic dispatch and these probes the kernels of every instruction
# set that the compiler can emit are built, and the processor picks at run time; without them only the serial ones are.
set(numkong ${SIYU_DEPS_DIR}/usearch/numkong)
include(CheckSourceCompiles)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(numkong_arch x86)
  set(numkong_probes "haswell:-mavx2 -mfma -mf16c" "skylake:-mavx512f -mavx512bw -mavx512dq -mavx512vl" "icelake:-mavx512vnni -mavx512vl"
    "genoa:-mavx512bf16 -mavx512vl" "sapphire:-mavx512fp16 -mavx512vl" "alder:-mavxvnni")
  set(numkong_off sapphireamx graniteamx diamond turin sierra)
else()
  set(numkong_arch arm)
  set(numkong_probes "neon:-march=armv8-a+simd" "neon_half:-march=armv8.2-a+simd+fp16" "neon_sdot:-march=armv8.2-a+dotprod"
    "neon_bfdot:-march=armv8.6-a+simd+bf16" "neon_fhm:-march=armv8.2-a+simd+fp16+fp16fml")
  set(numkong_off sve)
endif()

set(numkong_definitions NK_DYNAMIC_DISPATCH=1 NK_NATIVE_F16=0 NK_NATIVE_BF16=0)
foreach(probe ${numkong_probes})
  string(REGEX MATCH "^[^:]+" isa "${probe}")
  string(REGEX REPLACE "^[^:]+:" "" CMAKE_REQUIRED_FLAGS "${probe}")
  file(READ ${numkong}/probes/${numkong_arch}_${isa}.c source)
  check_source_compiles(C "${source}" numkong_has_${isa})
  string(TOUPPER "${isa}" name)
  string(REPLACE "_" "" name ${name})
  list(APPEND numkong_definitions NK_TARGET_${name}=$<BOOL:${numkong_has_${isa}}>)
endforeach()
foreach(isa ${numkong_off})
  string(TOUPPER ${isa} name)
  list(APPEND numkong_definitions NK_TARGET_${name}=0)
endforeach()
unset(CMAKE_REQUIRED_FLAGS)

file(GLOB numkong_sources ${numkong}/c/dispatch_*.c ${numkong}/c/numkong.c ${numkong}/c/parallel.c)
add_library(numkong STATIC EXCLUDE_FROM_ALL ${numkong_sources})
target_include_directories(numkong SYSTEM PUBLIC ${numkong}/include PRIVATE ${numkong}/c)
target_compile_definitions(numkong PUBLIC ${numkong_definitions})
target_compile_options(numkong PRIVATE -O3 -w)
target_link_libraries(numkong PUBLIC Threads::Threads m)

add_library(usearch INTERFACE)
target_include_directories(usearch SYSTEM INTERFACE ${SIYU_DEPS_DIR}/usearch/include)
target_compile_definitions(usearch INTERFACE USEARCH_USE_NUMKONG=1 USEARCH_USE_OPENMP=0)
target_link_libraries(usearch INTERFACE numkong)
