add_executable(route_table_gen ${SIYU_MODULE_DIR}/gen/route_table_gen.cpp)
target_link_libraries(route_table_gen PRIVATE siyu_flags yaml-cpp Boost::json)
set(generated ${CMAKE_BINARY_DIR}/gen/api)
file(MAKE_DIRECTORY ${generated})
# siyu.yaml is the head of the document; each further file adds an area.
file(GLOB areas CONFIGURE_DEPENDS ${SIYU_MODULE_DIR}/openapi/*.yaml)
list(REMOVE_ITEM areas ${SIYU_MODULE_DIR}/openapi/siyu.yaml)
add_custom_command(
  OUTPUT ${generated}/routes.gen.h ${generated}/routes.gen.cpp
  COMMAND route_table_gen ${generated} ${SIYU_MODULE_DIR}/openapi/siyu.yaml ${areas}
  DEPENDS route_table_gen ${SIYU_MODULE_DIR}/openapi/siyu.yaml ${areas})
target_sources(${SIYU_MODULE} PRIVATE ${generated}/routes.gen.cpp ${generated}/routes.gen.h)
target_include_directories(${SIYU_MODULE} PUBLIC ${generated})
siyu_links(siyu_base siyu_net siyu_identity siyu_policy siyu_audit siyu_knowledge siyu_models siyu_serving siyu_chat siyu_batches siyu_mcp siyu_planner siyu_report
  prometheus-cpp::core)
