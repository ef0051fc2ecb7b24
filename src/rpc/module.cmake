# Generated code in a library of its own, with its own warnings; only .cpp files of this room include it.
find_program(SIYU_PROTOC protoc REQUIRED)
find_program(SIYU_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)
pkg_check_modules(grpcpp REQUIRED IMPORTED_TARGET grpc++ protobuf)
set(rpc_generated ${CMAKE_BINARY_DIR}/gen/rpc)
file(MAKE_DIRECTORY ${rpc_generated})
set(rpc_files ${rpc_generated}/siyu.pb.cc ${rpc_generated}/siyu.pb.h ${rpc_generated}/siyu.grpc.pb.cc ${rpc_generated}/siyu.grpc.pb.h)
add_custom_command(
  OUTPUT ${rpc_files}
  COMMAND ${SIYU_PROTOC} -I ${SIYU_MODULE_DIR}/proto --cpp_out=${rpc_generated} --grpc_out=${rpc_generated}
          --plugin=protoc-gen-grpc=${SIYU_GRPC_PLUGIN} siyu.proto
  DEPENDS ${SIYU_MODULE_DIR}/proto/siyu.proto)
add_library(siyu_rpc_generated STATIC ${rpc_files})
target_include_directories(siyu_rpc_generated SYSTEM PUBLIC ${rpc_generated})
target_link_libraries(siyu_rpc_generated PUBLIC siyu_flags PkgConfig::grpcpp grpc++_reflection)
target_compile_options(siyu_rpc_generated PRIVATE -w)
target_link_libraries(${SIYU_MODULE} PUBLIC siyu_rpc_generated)
siyu_links(siyu_base siyu_identity siyu_policy siyu_engine siyu_serving siyu_knowledge siyu_chat)
