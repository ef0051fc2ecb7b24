import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` serves the console beside a running server: SIYU_SERVER=http://127.0.0.1:8080 npm run dev
const server = process.env.SIYU_SERVER ?? "http://127.0.0.1:8080";
export default defineConfig({
  plugins: [react()],
  build: { target: "es2022", chunkSizeWarningLimit: 1500 },
  server: { proxy: { "/api": { target: server, secure: false }, "/v1": { target: server, secure: false } } },
});
