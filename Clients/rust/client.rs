// A Rust program over lacuna.h, with the declarations written out: no crate, no bindgen.
//
//     rustc -O client.rs -L PREFIX/lib -l lacuna -C link-arg=-Wl,-rpath,PREFIX/lib && ./client
use std::ffi::{c_char, c_void, CStr};
use std::ptr::{null, null_mut};

#[repr(C)]
struct CsrDesc {
    struct_size: u32,
    dtype: i32,
    index_type: i32,
    reserved: i32,
    rows: i64,
    columns: i64,
    nnz: i64,
    row_offsets: *const c_void,
    column_indices: *const c_void,
    values: *const c_void,
}

#[repr(C)]
struct PlanOptions {
    struct_size: u32,
    layout: i32,
    width: i64,
    bias: *const c_void,
    bias_count: i64,
    activation: i32,
    threads: i32,
    clamp_lower: f64,
    clamp_upper: f64,
    deterministic: i32,
    exclude_dense: i32,
    kernel: *const c_char,
}

enum Matrix {}
enum RawPlan {}

extern "C" {
    fn lcn_abi_version() -> i32;
    fn lcn_version_string() -> *const c_char;
    fn lcn_last_error() -> *const c_char;
    fn lcn_matrix_from_csr(csr: *const CsrDesc, result: *mut *mut Matrix) -> i32;
    fn lcn_matrix_destroy(matrix: *mut Matrix) -> i32;
    fn lcn_plan_create(matrix: *const Matrix, options: *const PlanOptions, result: *mut *mut RawPlan) -> i32;
    fn lcn_plan_run(
        plan: *const RawPlan, x: *const c_void, x_stride: i64, y: *mut c_void, y_stride: i64, width: i64,
        workspace: *mut c_void, workspace_bytes: usize,
    ) -> i32;
    fn lcn_plan_destroy(plan: *mut RawPlan) -> i32;
}

const ABI_VERSION: i32 = 1;
const F32: i32 = 1;
const I32: i32 = 1;
const COLUMNS: i32 = 1;

fn check(status: i32) -> Result<(), String> {
    if status == 0 {
        return Ok(());
    }
    // The text belongs to this thread and is copied before its next call.
    Err(unsafe { CStr::from_ptr(lcn_last_error()) }.to_string_lossy().into_owned())
}

/// W packed for products with `width` columns. Plans never change, so threads may share one.
struct Plan {
    raw: *mut RawPlan,
    rows: usize,
    columns: usize,
}
unsafe impl Send for Plan {}
unsafe impl Sync for Plan {}

impl Plan {
    fn new(rows: usize, columns: usize, offsets: &[i32], indices: &[i32], values: &[f32], width: usize) -> Result<Plan, String> {
        if offsets.len() != rows + 1 || indices.len() != values.len() {
            return Err("arrays of other lengths than the shape asks for".into());
        }
        let csr = CsrDesc {
            struct_size: std::mem::size_of::<CsrDesc>() as u32,
            dtype: F32, index_type: I32, reserved: 0,
            rows: rows as i64, columns: columns as i64, nnz: indices.len() as i64,
            row_offsets: offsets.as_ptr().cast(), column_indices: indices.as_ptr().cast(), values: values.as_ptr().cast(),
        };
        let options = PlanOptions {
            struct_size: std::mem::size_of::<PlanOptions>() as u32,
            layout: COLUMNS, width: width as i64, bias: null(), bias_count: 0, activation: 0, threads: 1,
            clamp_lower: 0.0, clamp_upper: 0.0, deterministic: 1, exclude_dense: 0, kernel: null(),
        };
        let mut matrix = null_mut();
        let mut raw = null_mut();
        unsafe {
            check(lcn_matrix_from_csr(&csr, &mut matrix))?;
            let created = check(lcn_plan_create(matrix, &options, &mut raw));
            check(lcn_matrix_destroy(matrix))?;
            created?;
        }
        Ok(Plan { raw, rows, columns })
    }

    fn run(&self, x: &[f32], y: &mut [f32], width: usize) -> Result<(), String> {
        if x.len() != self.columns * width || y.len() != self.rows * width {
            return Err("slices of other lengths than the shape asks for".into());
        }
        check(unsafe {
            lcn_plan_run(
                self.raw, x.as_ptr().cast(), width as i64, y.as_mut_ptr().cast(), width as i64, width as i64,
                null_mut(), 0,
            )
        })
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        unsafe { lcn_plan_destroy(self.raw) };
    }
}

fn main() -> Result<(), String> {
    if unsafe { lcn_abi_version() } != ABI_VERSION {
        return Err("the library has another ABI version".into());
    }
    // Every fifth weight of a 40×70 matrix.
    let (rows, columns, width) = (40usize, 70usize, 6usize);
    let (mut offsets, mut indices, mut values) = (vec![0i32], vec![], vec![]);
    for i in 0..rows {
        for j in (i % 5..columns).step_by(5) {
            indices.push(j as i32);
            values.push(((i * 31 + j * 17) % 23) as f32 - 11.0);
        }
        offsets.push(indices.len() as i32);
    }
    let x: Vec<f32> = (0..columns * width).map(|k| (k % 13) as f32 - 6.0).collect();
    // Small integers: the sums are exact.
    let mut expected = vec![0f32; rows * width];
    for i in 0..rows {
        for p in offsets[i] as usize..offsets[i + 1] as usize {
            for c in 0..width {
                expected[i * width + c] += values[p] * x[indices[p] as usize * width + c];
            }
        }
    }
    let plan = Plan::new(rows, columns, &offsets, &indices, &values, width)?;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut y = vec![0f32; rows * width];
                plan.run(&x, &mut y, width).unwrap();
                assert_eq!(y, expected);
            });
        }
    });
    let unsorted = Plan::new(1, 2, &[0, 2], &[1, 0], &[1.0, 2.0], 1);
    assert!(unsorted.err().unwrap().contains("not sorted"));
    println!("Rust: Lacuna {}", unsafe { CStr::from_ptr(lcn_version_string()) }.to_string_lossy());
    Ok(())
}
