/** The last part of the name of the parameter that holds a CPE's own URL (TR-098, TR-181: ManagementServer). */
export const urlName = 'ConnectionRequestURL';

/** Local name of the element that holds a parameter's name and value. */
export const structName = 'ParameterValueStruct';
