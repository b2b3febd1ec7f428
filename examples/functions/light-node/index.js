// The receipt of an order: its total in cents, and a link under which it can be read for ten minutes.
//
// One client and one pool of one connection serve all requests of an instance: an instance has one request at a time.
// Both are made outside of the handler; the pool connects when the first request needs it.
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import pg from "pg";

const bucket = process.env.RECEIPTS_BUCKET ?? "receipts";
const storage = new S3Client({});
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });

export async function handler(event) {
  const lines = event.lines ?? (await pool.query("SELECT cents, quantity FROM order_lines WHERE order_id = $1", [event.order])).rows;
  const total = lines.reduce((sum, { cents, quantity }) => sum + cents * quantity, 0);
  const target = new GetObjectCommand({ Bucket: bucket, Key: `${event.order}.pdf` });
  return { total, url: await getSignedUrl(storage, target, { expiresIn: 600 }) };
}
