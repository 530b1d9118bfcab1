# `scoring` as a package of its own: find_package(podium_scoring) gives podium::scoring. examples/medal is a whole
# program outside the tree, tests/install builds it against an installed copy.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/podium_scoring)
foreach(target scoring tables records base options)
  set_target_properties(podium_${target} PROPERTIES EXPORT_NAME ${target})
endforeach()
install(TARGETS podium_scoring podium_tables podium_records podium_base podium_options EXPORT podium_scoring
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT scoring)
install(EXPORT podium_scoring NAMESPACE podium:: FILE podium_scoring-targets.cmake
  DESTINATION ${package_dir} COMPONENT scoring)
install(DIRECTORY base tables scoring DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/podium COMPONENT scoring
  FILES_MATCHING PATTERN "*.h")
install(FILES scoring/boards/mle_bench.tsv DESTINATION ${CMAKE_INSTALL_DATADIR}/podium/scoring/boards COMPONENT scoring)

file(WRITE ${CMAKE_BINARY_DIR}/podium_scoring-config.cmake [[
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(Boost COMPONENTS filesystem)
find_dependency(nlohmann_json)
find_dependency(yaml-cpp)
find_dependency(tl-expected)
find_dependency(OpenSSL)
find_dependency(ZLIB)
include("${CMAKE_CURRENT_LIST_DIR}/podium_scoring-targets.cmake")
]])
write_basic_package_version_file(${CMAKE_BINARY_DIR}/podium_scoring-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/podium_scoring-config.cmake ${CMAKE_BINARY_DIR}/podium_scoring-config-version.cmake
  DESTINATION ${package_dir} COMPONENT scoring)

# The programs with what they read: bin/ and share/podium below any prefix (scripts/package).
install(TARGETS podium podium_score podium_grade podium_init podium_probe
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
set(share ${CMAKE_INSTALL_DATADIR}/podium)
install(DIRECTORY tasks/packages DESTINATION ${share}/tasks COMPONENT programs)
install(DIRECTORY configs DESTINATION ${share} COMPONENT programs)
install(DIRECTORY agents/operators/prompts DESTINATION ${share}/agents/operators COMPONENT programs)
install(DIRECTORY agents/proposers/portfolio DESTINATION ${share}/agents/proposers COMPONENT programs
  PATTERN "*.cc" EXCLUDE PATTERN "*.h" EXCLUDE)
install(FILES agents/react/prompt.md DESTINATION ${share}/agents/react COMPONENT programs)
install(DIRECTORY scoring/competitions DESTINATION ${share}/scoring COMPONENT programs
  PATTERN "*.cc" EXCLUDE PATTERN "*.h" EXCLUDE)
install(FILES scoring/boards/mle_bench.tsv DESTINATION ${share}/scoring/boards COMPONENT programs)
install(PROGRAMS scripts/local-model DESTINATION ${share}/scripts COMPONENT programs)
install(FILES LICENSE docs/third-party.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs)
