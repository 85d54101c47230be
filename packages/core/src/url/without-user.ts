/** A URL as it may stand in an event or a log: a user and a password in it become `…`. */
export function withoutUser(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/?#]*@/, '$1…@');
}
