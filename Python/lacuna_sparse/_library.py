"""liblacuna: found, loaded, declared. One place knows lacuna.h's structs and functions."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import Any, Callable, List, Tuple

ABI_VERSION = 1
_NAME = f"liblacuna.so.{ABI_VERSION}"


def _struct(name: str, /, **fields: Any) -> Callable[..., Any]:
    """A descriptor that begins with its own size."""
    members = [("struct_size", c_uint32)] + list(fields.items())
    kind = type(name, (ctypes.Structure,), {"_fields_": members})
    return lambda **values: kind(struct_size=ctypes.sizeof(kind), **values)


Dense = _struct("Dense", dtype=c_int32, rows=c_int64, columns=c_int64, row_stride=c_int64,
                column_stride=c_int64, values=c_void_p)
CSR = _struct("CSR", dtype=c_int32, index_type=c_int32, reserved=c_int32, rows=c_int64, columns=c_int64,
              nnz=c_int64, row_offsets=c_void_p, column_indices=c_void_p, values=c_void_p)
BSR = _struct("BSR", dtype=c_int32, index_type=c_int32, reserved=c_int32, rows=c_int64, columns=c_int64,
              block_rows=c_int64, block_columns=c_int64, blocks=c_int64, row_offsets=c_void_p,
              column_indices=c_void_p, values=c_void_p)
Mask = _struct("Mask", kind=c_int32, rows=c_int64, columns=c_int64, row_stride=c_int64, data=c_void_p)
MatrixInfo = _struct("MatrixInfo", dtype=c_int32, format=c_int32, reserved=c_int32, rows=c_int64,
                     columns=c_int64, stored=c_int64, block_rows=c_int64, block_columns=c_int64,
                     blocks=c_int64, position_bytes=c_int64, value_bytes=c_int64)
PlanOptions = _struct("PlanOptions", layout=c_int32, width=c_int64, bias=c_void_p, bias_count=c_int64,
                      activation=c_int32, threads=c_int32, clamp_lower=c_double, clamp_upper=c_double,
                      deterministic=c_int32, exclude_dense=c_int32, kernel=c_char_p, updatable=c_int32,
                      reserved=c_int32, weights=c_int32, activations=c_int32, range=c_int32, zero_point=c_int32,
                      activation_scale=c_double, one_scale=c_int32, output=c_int32, output_scale=c_double,
                      output_zero_point=c_int32, allow_bf16_activations=c_int32, weight_scales=c_void_p,
                      weight_scale_count=c_int64)
PlanInfo = _struct("PlanInfo", dtype=c_int32, layout=c_int32, threads=c_int32, rows=c_int64,
                   columns=c_int64, width=c_int64, slices=c_int64, stored=c_int64, packed_bytes=c_int64,
                   kernel=c_char * 64, activations=c_int32, output=c_int32)
ConvOptions = _struct("ConvOptions", layout=c_int32, images=c_int64, channels=c_int64, height=c_int64, width=c_int64,
                      filters=c_int64, kernel_height=c_int64, kernel_width=c_int64, stride_y=c_int64,
                      stride_x=c_int64, dilation_y=c_int64, dilation_x=c_int64, pad_top=c_int64, pad_left=c_int64,
                      pad_bottom=c_int64, pad_right=c_int64, groups=c_int64, kernel_order=c_int32,
                      adds_residual=c_int32, bias=c_void_p, bias_count=c_int64, activation=c_int32, threads=c_int32,
                      clamp_lower=c_double, clamp_upper=c_double, deterministic=c_int32, exclude_dense=c_int32,
                      kernel=c_char_p, weights=c_int32, activations=c_int32, activation_scale=c_double,
                      zero_point=c_int32, one_scale=c_int32, output=c_int32, output_zero_point=c_int32,
                      output_scale=c_double, weight_scales=c_void_p, weight_scale_count=c_int64)
ConvInfo = _struct("ConvInfo", dtype=c_int32, layout=c_int32, threads=c_int32, images=c_int64, filters=c_int64,
                   output_height=c_int64, output_width=c_int64, slices=c_int64, stored=c_int64,
                   packed_bytes=c_int64, kernel=c_char * 64, activations=c_int32, output=c_int32)
RecurrentWeights = _struct("RecurrentWeights", reserved=c_int32, input=c_void_p, recurrent=c_void_p,
                           input_bias=c_void_p, recurrent_bias=c_void_p)
RecurrentOptions = _struct("RecurrentOptions", cell=c_int32, inputs=c_int64, hidden=c_int64, layers=c_int64,
                           direction=c_int32, order=c_int32, layout=c_int32, threads=c_int32, steps=c_int64,
                           batch=c_int64, deterministic=c_int32, exclude_dense=c_int32, weights=c_int32,
                           reserved=c_int32, kernel=c_char_p)
RecurrentInfo = _struct("RecurrentInfo", threads=c_int32, inputs=c_int64, outputs=c_int64, hidden=c_int64,
                        passes=c_int64, steps=c_int64, batch=c_int64, slices=c_int64, stored=c_int64,
                        packed_bytes=c_int64, kernel=c_char * 64)
RecurrentOperands = _struct("RecurrentOperands", reserved=c_int32, steps=c_int64, batch=c_int64, x=c_void_p,
                            y=c_void_p, lengths=c_void_p, first_hidden=c_void_p, first_cell=c_void_p,
                            last_hidden=c_void_p, last_cell=c_void_p, workspace=c_void_p, workspace_bytes=c_size_t)
ScheduleDesc = _struct("ScheduleDesc", kind=c_int32, initial_sparsity=c_double, final_sparsity=c_double,
                       power=c_double, begin_step=c_int64, end_step=c_int64, frequency=c_int64)
MaskOptions = _struct("MaskOptions", granularity=c_int32, sparsity=c_double, block_rows=c_int64,
                      block_columns=c_int64, pooling=c_int32, ties=c_int32, group_keep=c_int32,
                      group_size=c_int32)
ModelOptions = _struct("ModelOptions", threads=c_int32, batch=c_int64, exclude_dense=c_int32, arithmetic=c_int32)
ModelInfo = _struct("ModelInfo", reserved=c_int32, inputs=c_int64, outputs=c_int64, parameters=c_int64,
                    stored=c_int64, weights=c_int64)
GraphValue = _struct("GraphValue", dtype=c_int32, name=c_char_p, rank=c_int32, reserved=c_int32, shape=c_void_p)
GraphInfo = _struct("GraphInfo", reserved=c_int32, inputs=c_int64, outputs=c_int64, nodes=c_int64,
                    parameters=c_int64)
GraphOptions = _struct("GraphOptions", threads=c_int32, deterministic=c_int32, exclude_dense=c_int32, memory=c_int64)
GraphInput = _struct("GraphInput", rank=c_int32, name=c_char_p, shape=c_void_p, constant=c_void_p)
GraphPlanInfo = _struct("GraphPlanInfo", threads=c_int32, inputs=c_int64, outputs=c_int64, steps=c_int64,
                        arena_bytes=c_int64)
CalibrationInfo = _struct("CalibrationInfo", reserved=c_int32, inputs=c_int64, samples=c_int64, dead_inputs=c_int64)
OneShotOptions = _struct("OneShotOptions", method=c_int32, sparsity=c_double, granularity=c_int32, refit=c_int32,
                         block_rows=c_int64, block_columns=c_int64, group_keep=c_int32, group_size=c_int32,
                         damping=c_double)
OneShotReport = _struct("OneShotReport", reserved=c_int32, kept=c_int64, samples=c_int64, dead_inputs=c_int64,
                        error_of_mask=c_double, error=c_double, damping=c_double, seconds=c_double)
NetworkOptions = _struct("NetworkOptions", budget=c_int32, aim=c_int32, threads=c_int32, patches=c_int64,
                         latency=c_double, batch=c_int64, exclude=c_char_p)
NetworkReport = _struct("NetworkReport", layers=c_int32, weights=c_int64, kept=c_int64, seconds=c_double,
                        dense_latency=c_double, predicted_latency=c_double, measured_latency=c_double)
CPUInfo = _struct("CPUInfo", isa=c_int32, detected_isa=c_int32, avx512_vnni=c_int32, avx512_bf16=c_int32,
                  avx512_vbmi2=c_int32, cores=c_int32, reserved=c_int32, l1d_bytes=c_int64,
                  l2_bytes=c_int64, l3_bytes=c_int64, model=c_char * 64)

# Declared once, so that a call converts its numbers and nothing else. Every function that is called here is in the
# table: a library that lacks one is named when the module is imported, not in the middle of a program.
_OUT = c_void_p
_SIGNATURES = {
    "lcn_get_cpu_info": [_OUT],
    "lcn_matrix_from_dense": [c_void_p, _OUT],
    "lcn_matrix_from_masked_dense": [c_void_p, c_void_p, _OUT],
    "lcn_matrix_from_csr": [c_void_p, _OUT],
    "lcn_matrix_from_bsr": [c_void_p, _OUT],
    "lcn_matrix_from_bitmask": [c_void_p, c_int32, c_void_p, c_int64, _OUT],
    "lcn_matrix_convert": [c_void_p, c_int32, c_int64, c_int64, _OUT],
    "lcn_matrix_transpose": [c_void_p, _OUT],
    "lcn_matrix_cast": [c_void_p, c_int32, _OUT],
    "lcn_matrix_get_info": [c_void_p, _OUT],
    "lcn_matrix_to_dense": [c_void_p, c_void_p],
    "lcn_matrix_to_csr": [c_void_p, c_int32, c_void_p, c_void_p, c_void_p, c_int64],
    "lcn_matrix_to_bsr": [c_void_p, c_int32, c_void_p, c_void_p, c_void_p, c_int64],
    "lcn_matrix_to_bitmask": [c_void_p, c_void_p, c_void_p, c_int64, c_void_p],
    "lcn_matrix_destroy": [c_void_p],
    "lcn_plan_create": [c_void_p, c_void_p, _OUT],
    "lcn_plan_get_info": [c_void_p, _OUT],
    "lcn_plan_describe": [c_void_p, c_char_p, c_size_t, c_void_p],
    "lcn_plan_workspace_size": [c_void_p, c_int64, c_void_p],
    "lcn_plan_update_values": [c_void_p, c_void_p, c_int64, c_void_p, c_int64],
    "lcn_plan_run": [c_void_p, c_void_p, c_int64, c_void_p, c_int64, c_int64, c_void_p, c_size_t],
    "lcn_plan_run_slice": [c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p, c_int64, c_int64, c_void_p,
                           c_size_t],
    "lcn_plan_serialize": [c_void_p, c_void_p, c_size_t, c_void_p],
    "lcn_plan_map": [c_void_p, c_size_t, _OUT],
    "lcn_plan_destroy": [c_void_p],
    "lcn_conv_create": [c_void_p, c_void_p, _OUT],
    "lcn_conv_get_info": [c_void_p, _OUT],
    "lcn_conv_describe": [c_void_p, c_char_p, c_size_t, c_void_p],
    "lcn_conv_workspace_size": [c_void_p, c_void_p],
    "lcn_conv_run": [c_void_p, c_void_p, c_void_p, c_void_p, c_int64, c_void_p, c_size_t],
    "lcn_conv_run_slice": [c_void_p, c_int64, c_int64, c_void_p, c_void_p, c_void_p, c_int64, c_void_p, c_size_t],
    "lcn_conv_destroy": [c_void_p],
    "lcn_recurrent_create": [c_void_p, c_int64, c_void_p, _OUT],
    "lcn_recurrent_get_info": [c_void_p, _OUT],
    "lcn_recurrent_describe": [c_void_p, c_char_p, c_size_t, c_void_p],
    "lcn_recurrent_workspace_size": [c_void_p, c_int64, c_int64, c_void_p],
    "lcn_recurrent_run": [c_void_p, c_void_p],
    "lcn_recurrent_run_slice": [c_void_p, c_int64, c_int64, c_void_p],
    "lcn_recurrent_destroy": [c_void_p],
    "lcn_schedule_sparsity": [c_void_p, c_int64, c_void_p],
    "lcn_schedule_is_update": [c_void_p, c_int64, c_void_p],
    "lcn_mask_compute": [c_void_p, c_void_p, c_void_p, c_void_p],
    "lcn_mask_apply": [c_void_p, c_void_p],
    "lcn_topk_threshold": [c_int32, c_void_p, c_int64, c_int64, c_void_p],
    "lcn_calibration_create": [c_int64, c_int32, _OUT],
    "lcn_calibration_add": [c_void_p, c_int32, c_void_p, c_int64, c_int64],
    "lcn_calibration_get_info": [c_void_p, _OUT],
    "lcn_calibration_destroy": [c_void_p],
    "lcn_calibration_create_aimed": [c_int64, c_int64, c_int32, _OUT],
    "lcn_calibration_add_aimed": [c_void_p, c_int32, c_void_p, c_int64, c_void_p, c_int64, c_int64],
    "lcn_oneshot_prune_aimed": [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, _OUT],
    "lcn_oneshot_share": [c_int64, c_void_p, c_void_p, c_void_p, c_int32, c_void_p],
    "lcn_oneshot_time": [c_void_p, c_int64, c_int32, _OUT],
    "lcn_oneshot_choose": [c_int64, c_void_p, c_void_p, c_void_p, c_double, c_void_p],
    "lcn_oneshot_network": [c_char_p, c_char_p, c_void_p, c_int64, c_int64, c_void_p, c_void_p, _OUT],
    "lcn_oneshot_prune": [c_void_p, c_void_p, c_void_p, c_void_p, _OUT],
    "lcn_oneshot_refit": [c_void_p, c_void_p, c_void_p, c_double, _OUT],
    "lcn_model_load": [c_char_p, c_void_p, _OUT],
    "lcn_model_get_info": [c_void_p, _OUT],
    "lcn_model_describe": [c_void_p, c_char_p, c_size_t, c_void_p],
    "lcn_model_run": [c_void_p, c_void_p, c_void_p, c_int64],
    "lcn_model_get_weight": [c_void_p, c_int64, _OUT],
    "lcn_model_destroy": [c_void_p],
    "lcn_graph_load": [c_char_p, _OUT],
    "lcn_graph_read": [c_char_p, c_size_t, _OUT],
    "lcn_graph_get_info": [c_void_p, _OUT],
    "lcn_graph_get_input": [c_void_p, c_int64, _OUT],
    "lcn_graph_get_output": [c_void_p, c_int64, _OUT],
    "lcn_graph_destroy": [c_void_p],
    "lcn_graph_plan_create": [c_void_p, c_void_p, c_int64, c_void_p, _OUT],
    "lcn_graph_plan_get_info": [c_void_p, _OUT],
    "lcn_graph_plan_get_input": [c_void_p, c_int64, _OUT],
    "lcn_graph_plan_get_output": [c_void_p, c_int64, _OUT],
    "lcn_graph_plan_describe": [c_void_p, c_char_p, c_size_t, c_void_p],
    "lcn_graph_plan_run": [c_void_p, c_void_p, c_void_p],
    "lcn_graph_plan_run_on": [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p],
    "lcn_graph_plan_destroy": [c_void_p],
    "lcn_tensor_read": [c_char_p, c_char_p, _OUT],
    "lcn_tensor_write": [c_char_p, c_char_p, c_void_p],
}


def _candidates() -> List[str]:
    """Where the library may be, best first: named, inside a wheel, beside an installation, the system's."""
    named = os.environ.get("LACUNA_LIBRARY")
    if named:
        return [named]
    here = os.path.dirname(os.path.abspath(__file__))
    places = [os.path.join(here, "lib", _NAME), os.path.join(here, "..", "..", _NAME)]
    found = [place for place in places if os.path.exists(place)]
    if found:
        return found[:1]
    from ctypes.util import find_library  # starts a compiler and a loader to look: only where nothing else was found

    system = find_library("lacuna")
    return [system] if system else []


def _load() -> Tuple[Any, str]:
    candidates = _candidates()
    if not candidates:
        raise ImportError("liblacuna was not found: run Scripts/install, or name it in LACUNA_LIBRARY")
    path = candidates[0]
    try:
        lib = ctypes.CDLL(path)
    except OSError as error:
        # The loader's sentence says which file or symbol version this system lacks.
        raise ImportError(f"lacuna_sparse: {path} cannot be loaded here: {error}") from None
    try:
        for name in ("lcn_version_string", "lcn_status_string", "lcn_last_error"):
            getattr(lib, name).restype = c_char_p
        if lib.lcn_abi_version() != ABI_VERSION:
            raise ImportError(f"{path} has ABI {lib.lcn_abi_version()}, this module wants {ABI_VERSION}")
        for name, types in _SIGNATURES.items():
            getattr(lib, name).argtypes = types
    except AttributeError as error:
        version = lib.lcn_version_string().decode() if hasattr(lib, "lcn_version_string") else "unknown"
        raise ImportError(f"{path} (version {version}) is older than this module: {error}") from None
    return lib, os.path.realpath(path) if os.path.exists(path) else path


lib, path = _load()
version: str = lib.lcn_version_string().decode()



def plugin(engine: str) -> str:
    """The path of the library that an engine loads: in the wheel, or beside an installed liblacuna."""
    variable = f"LACUNA_{engine.upper()}_LIBRARY"
    place = os.environ.get(variable) or os.path.join(os.path.dirname(path), f"liblacuna_{engine}.so")
    if not os.path.exists(place):
        raise RuntimeError(f"{place} is not there: Integrations/{engine}/build PREFIX makes it for an installation, "
                           f"and {variable} names another")
    return place


__all__ = ["POINTER", "lib", "path", "plugin", "version"]
