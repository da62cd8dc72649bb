/** Says that a test is not done for want of something; throws where that is required. */
export function skip(need: string, test: string, why: string): void;
