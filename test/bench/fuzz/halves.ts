/** What takes the place of a host's name where wakes are played. */
export const wakes = 'wakes';
