// `import Lacuna` is all of it: formats, operations, pruning, training, files, models, reports.

@_exported import LacunaFormats
@_exported import LacunaIO
@_exported import LacunaModels
@_exported import LacunaNN
@_exported import LacunaOperations
@_exported import LacunaPruning
@_exported import LacunaReport
