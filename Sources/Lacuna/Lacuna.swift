// `import Lacuna` is all of it: formats and operations, and what the package's traits ask for (all, unless told otherwise).

@_exported import LacunaFormats
@_exported import LacunaOperations

#if Files
  @_exported import LacunaIO
#endif
#if Models
  @_exported import LacunaModels
#endif
#if Networks
  @_exported import LacunaGraph
#endif
#if Training
  @_exported import LacunaNN
#endif
#if Pruning
  @_exported import LacunaPruning
#endif
#if Reports
  @_exported import LacunaReport
#endif
