//! The desktop window.

#[tauri::command]
fn rpc() {}
#[tauri::command]
fn subscribe() {}
#[tauri::command]
fn open_link() {}

fn main() {
    let _ = tauri::Builder::default().invoke_handler(tauri::generate_handler![rpc, subscribe, open_link]).run(tauri::generate_context!());
}
