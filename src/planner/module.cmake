siyu_links(siyu_base siyu_sizing siyu_models siyu_report fmt::fmt)

# The catalogue travels inside the program (#embed).
file(GLOB catalogue_files CONFIGURE_DEPENDS ${SIYU_MODULE_DIR}/catalogue/*.yaml)
set(catalogue_source ${CMAKE_BINARY_DIR}/gen/planner/catalogue_files.gen.cpp)
set(arrays "")
set(rows "")
foreach(file ${catalogue_files})
  get_filename_component(file_name ${file} NAME)
  get_filename_component(stem ${file} NAME_WE)
  # The checksum makes a compiler cache see that the file changed: it does not look into what is embedded.
  file(SHA256 ${file} checksum)
  string(APPEND arrays "[[maybe_unused]] constexpr char kChecksum_${stem}[] = \"${checksum}\";\nconstexpr unsigned char k_${stem}[] = {\n#embed \"${file}\"\n};\n")
  string(APPEND rows "    {\"${file_name}\", {reinterpret_cast<const char*>(k_${stem}), sizeof k_${stem}}},\n")
endforeach()
file(CONFIGURE OUTPUT ${catalogue_source} CONTENT "// Made by module.cmake; do not edit.\n#include \"planner/catalogue_files.h\"\n\nnamespace siyu::planner {\nnamespace {\n${arrays}}  // namespace\n
std::vector<std::pair<std::string_view, std::string_view>> catalogue_files() {\n  return {\n${rows}  };\n}\n\n}  // namespace siyu::planner\n" @ONLY)
target_sources(${SIYU_MODULE} PRIVATE ${catalogue_source})
target_compile_options(${SIYU_MODULE} PRIVATE -Wno-c23-extensions)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${catalogue_files})
set_source_files_properties(${catalogue_source} PROPERTIES OBJECT_DEPENDS "${catalogue_files}")
